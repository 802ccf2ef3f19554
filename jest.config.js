const transform = {
  '\\.(ts|tsx)$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript', tsx: true }, target: 'es2022', transform: { react: { runtime: 'automatic', importSource: 'preact' } } } }],
};
const patience = { setupFilesAfterEnv: ['<rootDir>/test/tools/patience.ts'] };
// client-zip is published as an ES module alone, which jest does not load as it is.
transform['/client-zip/.*\\.js$'] = ['@swc/jest', { jsc: { target: 'es2022' }, module: { type: 'commonjs' } }];
const base = { testEnvironment: 'node', transform, transformIgnorePatterns: ['/node_modules/(?!client-zip/)'] };

/** Three projects, by where the code under test runs: node, a real browser, a real conference. */
module.exports = {
  maxWorkers: 1, // browsers and encoders share the machine: one suite at a time keeps timing honest
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    { ...base, ...patience, displayName: 'browser', testMatch: ['<rootDir>/test/browser/**/*.test.ts'] },
    { ...base, ...patience, displayName: 'meeting', testMatch: ['<rootDir>/test/meeting/**/*.test.ts'] },
  ],
};
