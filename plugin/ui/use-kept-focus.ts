import type { RefCallback } from 'preact';
import { useCallback, useLayoutEffect, useRef } from 'preact/hooks';

/**
 * For an element whose buttons and fields come and go: if the one that had the focus is gone after a drawing, the first that
 * is there gets it. Otherwise focus would fall out of the panel, and whoever uses the keyboard would have to come back from
 * outside.
 */
export const useKeptFocus = (): RefCallback<HTMLElement> => {
  const ref = useRef<HTMLElement | null>(null);
  const focused = focusNear(ref.current);
  const had = focused !== null && ref.current?.contains(focused) === true;
  useLayoutEffect(() => {
    // Not where something else has taken it.
    if (had && focusNear(ref.current) === null) ref.current?.querySelector<HTMLElement>('input[type=password], button:not(:disabled)')?.focus();
  });
  return useCallback((element) => void (ref.current = element), []);
};

/** What has the focus on the surface that the element is part of. */
const focusNear = (element: HTMLElement | null): Element | null => (element?.getRootNode() as ShadowRoot | undefined)?.activeElement ?? null;
