import { component, xml } from '@xmpp/component';

import type { Prosody } from './prosody';

/**
 * Stands in for jicofo: tells whoever asks that the conference is ready. It opens no bridge session, so media flow
 * only peer to peer, between two.
 * @returns how to stop it
 * @throws if the XMPP server refuses the component
 */
export async function startFocus({ componentPort, focusDomain, secret }: Prosody): Promise<{ stop(): Promise<void> }> {
  const focus = component({ service: `xmpp://127.0.0.1:${componentPort}`, domain: focusDomain, password: secret });
  // Errors of a lost connection also arrive here, when the server is stopped first; start() rejects on the others.
  focus.on('error', () => undefined);
  focus.iqCallee.set('http://jitsi.org/protocol/focus', 'conference', ({ element }) =>
    xml('conference', {
      xmlns: 'http://jitsi.org/protocol/focus',
      ready: 'true',
      room: element.attrs['room'] ?? '',
      focusjid: `focus@${focusDomain}`,
    }));
  await focus.start();
  return {
    stop: async () => {
      await focus.stop();
    },
  };
}
