const fs = require('node:fs');
const path = require('node:path');
const { compileAssembly } = require('./compile.cjs');

/** The webpack loader for `assembly/index.ts?wasm`: answers with the compiled module. */
module.exports = function assemblyLoader() {
  const done = this.async();
  const folder = path.dirname(this.resourcePath);
  for (const name of fs.readdirSync(folder)) if (name.endsWith('.ts')) this.addDependency(path.join(folder, name));
  compileAssembly(folder).then((binary) => done(null, Buffer.from(binary)), done);
};
