/**
 * Compiles a folder of AssemblyScript to WebAssembly, at build time and in tests.
 *
 * The stub runtime has no collector and our modules allocate nothing: each lays its memory out itself, see
 * assembly/memory.ts. The compiler runs in a process of its own, since it is an ES module that jest cannot import.
 */
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');

const FLAGS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory'];

/**
 * @param {string} assembly the folder; its index.ts holds the exports
 * @returns {Promise<Uint8Array>} the module
 */
async function compileAssembly(assembly) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'assembly-'));
  try {
    const out = path.join(folder, 'out.wasm');
    const asc = require.resolve('assemblyscript/bin/asc.js');
    await promisify(execFile)(process.execPath, [asc, 'index.ts', '--baseDir', assembly, '--outFile', path.relative(assembly, out), ...FLAGS]);
    return new Uint8Array(fs.readFileSync(out));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const compileKernel = () => compileAssembly(path.join(__dirname, 'assembly'));
const compileNetwork = () => compileAssembly(path.join(__dirname, '../segmenter/assembly'));

module.exports = { compileAssembly, compileKernel, compileNetwork };
