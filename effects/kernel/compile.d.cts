/** Compiles the frame kernel to WebAssembly; see the implementation. */
export function compileKernel(): Promise<Uint8Array<ArrayBuffer>>;
/** The files that go into the kernel, absolute paths. */
export function kernelSources(): string[];
