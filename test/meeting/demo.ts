import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { launchChromium, type Launched } from '../tools/browsers';
import { footage } from '../tools/footage';
import { voice } from '../tools/sound';
import { customButtons, join, type OpenedMeeting, openMeeting, roomUrl, waitForRemoteVideo } from './harness';

// npm run demo [-- --jitsi URL] [--check] [--port N]
const { values } = parseArgs({ options: { jitsi: { type: 'string' }, check: { type: 'boolean', default: false }, port: { type: 'string' } } });

/** What the plugin adds to the toolbar. */
const BUTTONS = ['greenroom-effects', 'greenroom-record'];

/** Whatever was started, in that order; ended in reverse. */
const running: (() => Promise<void>)[] = [];
let stopping: Promise<void> | undefined;

function stop(): Promise<void> {
  return (stopping ??= (async () => {
    for (const end of running.splice(0).reverse()) await end().catch(() => undefined);
  })());
}

async function main(): Promise<void> {
  if (values.jitsi !== undefined) process.env['GREENROOM_JITSI'] = new URL(values.jitsi).href;
  const meeting = await openMeeting({ greenroom: {}, ...(values.port === undefined ? {} : { port: Number(values.port) }) });
  running.push(() => meeting.stop());
  // Nobody else should be in a room of a real site.
  const room = meeting.standIn ? 'greenroom-demo' : `greenroom-demo-${randomBytes(4).toString('hex')}`;

  const clip = await footage({ background: 'wall', mirrored: true, width: 1280, height: 720 });
  const guest = await start({ video: clip.y4m, audio: await voice(), allow: [meeting.origin] });
  await join(await guest.browser.newPage(), meeting, room, { name: 'Noor Haddad' });
  console.log('ok    a guest with camera and microphone is in the meeting');

  if (values.check) await check(meeting, room);
  else await invite(meeting, room);
}

async function start(options: Parameters<typeof launchChromium>[0]): Promise<Launched> {
  const launched = await launchChromium({ ...options, handleSignals: false });
  running.push(() => launched.close());
  return launched;
}

/** Joins as a second participant and looks at what a user would. Throws one sentence about what is missing. */
async function check(meeting: OpenedMeeting, room: string): Promise<void> {
  const clip = await footage();
  const visitor = await start({ video: clip.y4m, audio: await voice(), allow: [meeting.origin] });
  const page = await visitor.browser.newPage();
  await join(page, meeting, room, { name: 'Ada Brook' });
  console.log('ok    a visitor joined the same room');

  const { width, height } = await waitForRemoteVideo(page, 30_000).catch(() => {
    throw new Error('The guest\'s video does not arrive at the visitor.');
  });
  console.log(`ok    the guest's video plays at the visitor (${width}x${height})`);

  const ids = await customButtons(page);
  const absent = BUTTONS.filter((id) => !ids.includes(id));
  if (absent.length > 0) throw new Error(`The plugin's button is missing: ${absent.join(', ')}. The plugin did not start.`);
  const labels = await page.evaluate((wanted) => (window.config?.customToolbarButtons ?? []).filter(({ id }) => wanted.includes(id)).map(({ text }) => text), BUTTONS);
  if (meeting.standIn) {
    for (const label of labels) {
      await page.waitForSelector(`#new-toolbox .toolbox-button[aria-label="${label}"]`, { timeout: 5000 }).catch(() => {
        throw new Error(`The button "${label}" is not in the toolbar.`);
      });
    }
  }
  console.log(`ok    the toolbar has the plugin's buttons: ${labels.join(', ')}`);
}

/** Tells what to do and waits for Ctrl-C. */
async function invite(meeting: OpenedMeeting, room: string): Promise<void> {
  console.log(`
  Open      ${meeting.standIn ? meeting.url(room) : roomUrl(meeting, room, { name: 'You' })}
  Try       Effects, then Record, in the toolbar. Allow camera and microphone when asked.
  The site  ${meeting.standIn ? 'a small stand-in for the Jitsi Meet app, with the real library' : `${values.jitsi ?? ''} through a local proxy that adds the plugin`}
  Ctrl-C    ends it all.
`);
  await interrupted;
}

// Ctrl-C also while it is still starting.
const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

Promise.race([main(), interrupted]).then(
  () => stop(),
  async (error: unknown) => {
    console.error(`failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    await stop();
  },
).finally(() => process.exit());
