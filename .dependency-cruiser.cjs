/** The direction of imports: plugin -> effects, recorder; never sideways, never back. */
module.exports = {
  forbidden: [
    { name: 'effects-stand-alone', severity: 'error', from: { path: '^effects/' }, to: { path: '^(plugin|recorder|test|jitsi-config)/' } },
    { name: 'recorder-stands-alone', severity: 'error', from: { path: '^recorder/' }, to: { path: '^(plugin|effects|test|jitsi-config)/' } },
    { name: 'plugin-not-test', severity: 'error', from: { path: '^plugin/' }, to: { path: '^test/' } },
    {
      name: 'rooms-have-one-door',
      comment: 'Other rooms enter effects/ and recorder/ by their index.ts alone; tests may look inside.',
      severity: 'error',
      from: { path: '^plugin/' },
      to: { path: '^(effects|recorder)/', pathNot: '^(effects|recorder)/index\\.ts$' },
    },
    { name: 'only-the-adapter-knows-jitsi', severity: 'error', from: { path: '^plugin/ui/' }, to: { path: '^plugin/jitsi/' } },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'not-to-dev-dep', severity: 'error', from: { path: '^(plugin|effects|recorder)/', pathNot: '\\.cjs$' }, to: { dependencyTypes: ['npm-dev'], pathNot: '@types/|selfie_segmentation' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
