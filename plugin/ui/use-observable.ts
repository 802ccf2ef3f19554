import { useEffect, useState } from 'preact/hooks';
import type { Observable } from '../observable';

/** The value, and a new drawing whenever it changes. */
export const useObservable = <T,>(observable: Observable<T>): T => {
  const [, redraw] = useState({});
  useEffect(() => observable.subscribe(() => redraw({})), [observable]);
  return observable.value;
};
