/**
 * A worker that closes itself or runs out of memory fires no event on the page. A lock tells: it is held as long as
 * its holder lives, and given to the next in line as soon as that is over, however it came about.
 */

/**
 * Called in a worker.
 *
 * @param onHeld gets the lock's name once it is held; undefined where the browser refuses locks, as in a sandboxed frame
 */
export const holdLife = (onHeld: (name: string | undefined) => void): void => {
  const name = `greenroom.effects.${crypto.randomUUID()}`;
  const held = (): Promise<never> => {
    onHeld(name);
    return new Promise(() => undefined);
  };
  Promise.resolve()
    .then(() => navigator.locks.request(name, held))
    .catch(() => onHeld(undefined));
};

/** Calls `onOver` once the worker that holds `name` is no more, unless `signal` comes first. */
export const awaitEndOfLife = (name: string, signal: AbortSignal, onOver: () => void): void => {
  navigator.locks.request(name, { signal }, () => onOver()).catch(() => undefined); // aborted: nobody wants to know any more
};
