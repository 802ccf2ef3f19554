/**
 * Compiles the AssemblyScript of assembly/ to WebAssembly, at build time and in tests.
 *
 * The stub runtime has no collector and the kernel allocates nothing: it lays memory out itself, see
 * assembly/memory.ts. The compiler runs in a process of its own, since it is an ES module that jest cannot import.
 */
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const assembly = path.join(__dirname, 'assembly');
const FLAGS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory'];

/** @returns {string[]} the files that go into the kernel, absolute */
const kernelSources = () => fs.readdirSync(assembly).filter((name) => name.endsWith('.ts')).map((name) => path.join(assembly, name));

/** @returns {Promise<Uint8Array>} the module */
async function compileKernel() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kernel-'));
  try {
    const out = path.join(folder, 'kernel.wasm');
    const asc = require.resolve('assemblyscript/bin/asc.js');
    await promisify(execFile)(process.execPath, [asc, 'index.ts', '--baseDir', assembly, '--outFile', path.relative(assembly, out), ...FLAGS]);
    return new Uint8Array(fs.readFileSync(out));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { compileKernel, kernelSources };
