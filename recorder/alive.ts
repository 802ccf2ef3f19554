// A recording is alive while its page holds a Web Lock of its name. The browser releases the lock when the page dies,
// however it dies, so a lock that is free on a recording that never ended means a crash. A heartbeat would not do:
// timers of hidden tabs are throttled to once a minute.

/** Takes the lock and keeps it until the returned function is called or the page is gone. */
export function holdLock(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

/** The same, or null if someone holds it. */
export function tryLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock === null ? resolve(null) : new Promise<void>((release) => resolve(release)))).catch(reject);
  });
}

/** Names of all locks held by any tab of this origin. */
export async function heldLocks(): Promise<ReadonlySet<string>> {
  const { held = [] } = await navigator.locks.query();
  return new Set(held.map((lock) => lock.name ?? ''));
}

/** Resolves as soon as no one holds the lock. */
export async function whenFree(name: string): Promise<void> {
  await navigator.locks.request(name, () => undefined);
}

/** Runs `work` while no one else can take the lock; answers false, without running it, if someone holds it. */
export async function withFreeLock(name: string, work: () => Promise<void>): Promise<boolean> {
  return await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await work();
    return true;
  });
}
