import { useLayoutEffect, useState } from 'preact/hooks';
import type { Observable } from '../observable';

/** The value, and a new drawing whenever it changes. */
export const useObservable = <T,>(observable: Observable<T>): T => {
  const [, redraw] = useState({});
  // With the drawing: what changes between it and a later subscription would never be seen.
  useLayoutEffect(() => observable.subscribe(() => redraw({})), [observable]);
  return observable.value;
};
