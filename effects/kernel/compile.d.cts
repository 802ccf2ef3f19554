/** The frame kernel, compiled. */
export function compileKernel(): Promise<Uint8Array<ArrayBuffer>>;
/** The segmentation network, compiled. */
export function compileNetwork(): Promise<Uint8Array<ArrayBuffer>>;
