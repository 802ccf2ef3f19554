/** What `focus.ts` uses of @xmpp/component, which has no types of its own. */
declare module '@xmpp/component' {
  export interface Element {
    readonly attrs: Readonly<Record<string, string | undefined>>;
  }
  export interface Component {
    readonly iqCallee: {
      set(namespace: string, name: string, handler: (context: { readonly element: Element }) => Element): void;
    };
    on(event: 'error', listener: (error: Error) => void): void;
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
  }
  export function component(options: { service: string; domain: string; password: string }): Component;
  export function xml(name: string, attributes?: Readonly<Record<string, string>>): Element;
}
