import { useLayoutEffect, useRef } from 'preact/hooks';

/**
 * For an entry of a list whose buttons come and go: if the one that had the focus is gone after a drawing, the first that is there
 * gets it. Otherwise focus would fall out of the panel, and whoever uses the keyboard would have to come back from outside.
 */
export const useKeptFocus = (): { current: HTMLLIElement | null } => {
  const ref = useRef<HTMLLIElement>(null);
  const had = focusIn(ref.current);
  useLayoutEffect(() => {
    if (had && !focusIn(ref.current)) ref.current?.querySelector<HTMLElement>('button')?.focus();
  });
  return ref;
};

const focusIn = (element: HTMLElement | null): boolean => {
  const focused = (element?.getRootNode() as ShadowRoot | undefined)?.activeElement ?? null;
  return focused !== null && element?.contains(focused) === true;
};
