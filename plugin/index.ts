import type { EffectFailure, FailureCode } from '../effects';
import type { Config } from './config';
import { readConfig } from './config';
import { EffectsControl } from './effects-control';
import type { GateKeeper } from './gate';
import { installGate } from './gate';
import { text } from './i18n';
import type { Key } from './i18n/en';
import effectsIcon from './icons/effects.svg';
import recordIcon from './icons/record.svg';
import { JitsiHost } from './jitsi/host';
import { VirtualBackgrounds } from './jitsi/virtual-background';
import { RecorderControl } from './recorder-control';
import { LazyShell } from './ui/lazy-shell';

/** Marks the page, so that a second loader line does no harm. */
const LOADED = Symbol.for('greenroom.loaded');

const FAILURES: Readonly<Record<FailureCode, Key>> = {
  'worker-unavailable': 'failWorkerUnavailable',
  'worker-crashed': 'failWorkerCrashed',
  'model-unavailable': 'failModelUnavailable',
  'engine-unavailable': 'failEngineUnavailable',
  'picture-unavailable': 'failPictureUnavailable',
  'video-unsupported': 'failVideoUnsupported',
  'frame-failed': 'failFrameFailed',
};

/** A worker that dies again within this time of a restart is not restarted a second time, ms. */
const RESTART_PAUSE_MS = 15_000;

/** How long frames have to fail before there is a notice, ms. */
const NOTICE_DELAY_MS = 1500;

const warn = (sentence: string): void => console.warn(`[greenroom] ${sentence}`);

class Plugin {
  readonly #host = new JitsiHost();
  #config: Config | undefined;
  #effects: EffectsControl | undefined;
  #recorder: RecorderControl | undefined;

  /** Never throws: whatever goes wrong here, the meeting goes on. */
  start(): void {
    // The gate comes first and does not wait for the flags: a camera asked for before they are known must find it.
    installGate(() => this.#keeper());
    if (this.#host.hasConfig) this.#boot();
    else {
      warn('the loader line stands before config.js; please put it into plugin.head.html, or at the end of config.js.');
      document.addEventListener('DOMContentLoaded', () => this.#boot());
    }
  }

  #keeper(): GateKeeper {
    this.#readFlags();
    const effects = this.#effects;
    return {
      guard: (camera) => (effects ? effects.guard(camera) : camera),
      prepare: async (microphone) => this.#recorder?.prepare(microphone),
    };
  }

  #readFlags(): Config {
    if (this.#config) return this.#config;
    this.#config = readConfig(this.#host.flags, document.baseURI, warn);
    if (this.#config.effects.enabled) this.#effects = new EffectsControl(this.#config.effects);
    if (this.#config.recorder.enabled) this.#recorder = new RecorderControl(this.#host, this.#config.recorder);
    return this.#config;
  }

  #boot(): void {
    const flags = this.#readFlags();
    const effects = this.#effects;
    if (effects && flags.effects.takeOverVirtualBackground) new VirtualBackgrounds(effects);
    const recorder = this.#recorder;
    const shell = new LazyShell(effects, recorder, (error) => {
      warn(`the panels could not be loaded: ${String(error)}`);
      this.#host.notify({ uid: 'greenroom-panels', title: text('panelsTitle'), description: text('panelsMissing'), appearance: 'warning' });
    });
    if (effects) {
      this.#host.addToolbarButton({ id: 'greenroom-effects', text: text('effects'), icon: effectsIcon }, () => shell.toggle('effects'));
      this.#announceFailures(effects);
    }
    if (recorder) this.#host.addToolbarButton({ id: 'greenroom-record', text: text('record'), icon: recordIcon }, () => shell.toggle('recordings'));
    void this.#host.whenReady().then(() => {
      shell.mount();
      this.#host.onLeft(() => shell.close());
      if (!recorder) return;
      recorder.attach();
      const show = (): void => shell.show('recordings');
      void recorder.expire(show).then(() => recorder.offerInterrupted(show));
    });
  }

  /** One notice per failure, gone when the effect runs or was switched off. */
  #announceFailures(effects: EffectsControl): void {
    const uid = 'greenroom-effects-failure';
    let shown: FailureCode | undefined;
    let pending: ReturnType<typeof setTimeout> | undefined;
    let restartedAt = -Infinity;
    const announce = (failure: EffectFailure): void => {
      shown = failure.code;
      this.#host.notify({
        uid,
        title: text('failTitle'),
        description: `${text('failSafe')} ${text(FAILURES[failure.code])}`,
        appearance: 'warning',
        actions: [
          ...(failure.recoverable ? [{ label: text('tryAgain'), run: () => effects.retry() }] : []),
          { label: text('cameraOff'), run: () => this.#host.muteCamera() },
          ...(effects.rawAllowed ? [{ label: text('showWithoutEffect'), run: () => effects.choose('off') }] : []),
        ],
      });
    };
    effects.view.subscribe(({ status }) => {
      if (status.kind === 'failed') {
        const { failure } = status;
        if (shown === failure.code) return;
        console.warn(`[greenroom] effects: ${failure.code}: ${failure.detail}`);
        if (failure.code === 'worker-crashed' && !failure.recoverable && performance.now() - restartedAt > RESTART_PAUSE_MS) {
          // The output track died with its worker; a camera that is opened anew gets a new one.
          restartedAt = performance.now();
          this.#host.restartCamera().catch((error: unknown) => warn(`the camera did not come back: ${String(error)}`));
        } else if (failure.code === 'frame-failed') {
          // A single frame, or an engine that is being replaced, is nobody's business.
          pending ??= setTimeout(() => {
            pending = undefined;
            const now = effects.view.value.status;
            if (now.kind === 'failed') announce(now.failure);
          }, NOTICE_DELAY_MS);
        } else announce(failure);
      } else if (status.kind === 'on' || status.kind === 'system' || status.kind === 'off') {
        clearTimeout(pending);
        pending = undefined;
        if (shown) this.#host.dismiss(uid);
        shown = undefined;
      }
    });
  }
}

const page = window as unknown as Record<symbol, boolean | undefined>;
if (page[LOADED]) warn('it is loaded twice; the second loader line can go.');
else {
  page[LOADED] = true;
  new Plugin().start();
}
