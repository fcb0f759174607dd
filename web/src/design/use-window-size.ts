import { useSyncExternalStore } from "react";

export interface WindowSize {
  readonly width: number;
  readonly height: number;
}

let size: WindowSize = { width: window.innerWidth, height: window.innerHeight };

function snapshot(): WindowSize {
  const { innerWidth: width, innerHeight: height } = window;
  if (width !== size.width || height !== size.height) size = { width, height };
  return size;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => {
    window.removeEventListener("resize", listener);
  };
}

export function useWindowSize(): WindowSize {
  return useSyncExternalStore(subscribe, snapshot);
}
