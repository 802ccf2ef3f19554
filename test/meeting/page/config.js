/* eslint no-unused-vars: "off" -- the app reads this global */
/* The stand-in site's configuration, in the shape of Debian's /etc/jitsi/meet/<domain>-config.js. */
var config = {
  hosts: { domain: 'meet.test', muc: 'conference.meet.test', focus: 'focus.meet.test' },
  websocket: 'xmpp-websocket',
  p2p: { enabled: true, stunServers: [] },
  // There is no bridge: the app itself decides who starts a peer-to-peer session, which also lets Firefox in.
  testing: { p2pTestMode: true },
  disableThirdPartyRequests: true,
  resolution: 720,
};
