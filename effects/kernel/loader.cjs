const { compileKernel, kernelSources } = require('./compile.cjs');

/** The webpack loader for `assembly/index.ts?wasm`: answers with the compiled module. */
module.exports = function kernelLoader() {
  const done = this.async();
  for (const file of kernelSources()) this.addDependency(file);
  compileKernel().then((binary) => done(null, Buffer.from(binary)), done);
};
