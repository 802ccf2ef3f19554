import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';

// npm run test:meeting [-- --jitsi URL] [-- more arguments of jest]
const { values, positionals } = parseArgs({ options: { jitsi: { type: 'string' } }, allowPositionals: true });
const jest = spawn(path.resolve(__dirname, '../../node_modules/.bin/jest'), ['--selectProjects', 'meeting', ...positionals.flatMap((pattern) => ['--testPathPatterns', pattern])], {
  stdio: 'inherit',
  env: { ...process.env, ...(values.jitsi === undefined ? {} : { GREENROOM_JITSI: new URL(values.jitsi).href }) },
});
jest.on('exit', (code) => process.exit(code ?? 1));
