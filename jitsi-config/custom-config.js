// Greenroom: every flag with its default. Append this to config.js; leave out what you do not change.
//
// A wrong value is reported in the browser's console with its path, and the default is used. The flags are read once,
// when the page loads, and cannot be changed from a meeting's address.
config.greenroom = {
    effects: {
        // true: an Effects button, and every camera goes through the plugin.
        // false: no button, and the camera is left alone.
        enabled: true,

        // 'preferred': people may choose to show their room as it is.
        // 'required': no camera picture ever leaves without an effect, and "No effect" is not on offer.
        privacy: 'preferred',

        // Where the operating system itself blurs the room, our blur steps aside and saves its cost. Where privacy is
        // required that word is not taken, unless this is true.
        trustSystemBlur: false,

        // Jitsi Meet's own background dialog has an engine of its own, which works on top of ours. true: the same dialog
        // drives ours instead, with its blur or picture, and its own engine rests.
        takeOverVirtualBackground: false,

        // What somebody who has not chosen yet starts with: 'off', 'slight-blur' or 'blur'.
        // Where privacy is required, 'off' means 'blur'.
        default: 'off',

        // Whether somebody's own choice is kept in their browser for the next meeting.
        remember: true,

        // More background pictures, beside the three that come along: JPEG, PNG or WebP on this same site, about
        // 1920 x 1080. An address on another site is reported and left out.
        // For example: [{ name: 'Lobby', url: '/static/lobby.jpg' }]
        pictures: [],

        // Background videos on this same site, which play over and over without their sound: WebM (VP8, VP9) or MP4, at
        // most 30 MB and 1920 x 1080. "poster", a picture, is shown in the list, and to people whose browser cannot play it.
        // For example: [{ name: 'Waves', url: '/static/waves.webm', poster: '/static/waves.jpg' }]
        videos: [],
    },

    recorder: {
        // true: a Record button. Recordings stay in the browser of whoever records.
        // false: no button.
        enabled: true,

        // Whether everybody in the meeting is told while somebody records ("… has started a local recording").
        announce: true,

        // What is recorded unless somebody chooses otherwise: 'tab' (this meeting as its tab shows it), 'room' (everybody in
        // one picture, without the browser's question), 'sound' or 'self'. Where a tab cannot be captured: the room.
        source: 'tab',

        // What people may choose from.
        sources: ['tab', 'room', 'sound', 'self'],

        // How the room is arranged: 'gallery', all of one size, or 'speaker', whoever speaks large.
        layout: 'gallery',

        // What the picture is encoded as: 'vp8', 'vp9' or 'av1', as far as the browser can; 'auto' is what it encodes for
        // the least work. What is recorded as VP9 or AV1 can be saved as MP4 as well.
        videoCodec: 'auto',

        // Bits per second of the recorded picture, 100000 to 20000000.
        videoBitsPerSecond: 2500000,

        // Bits per second of the recorded sound, and of everybody's own sound, 16000 to 510000.
        audioBitsPerSecond: 128000,

        // How recordings are kept in the browser's storage.
        // 'off': as the browser stores them.
        // 'device': encrypted with a key that this browser keeps and does not hand out. A copy of the recordings alone is
        // unreadable; whoever can open the browser can play them.
        // 'passphrase': encrypted with a passphrase that people choose and give once per visit. Without it nobody can read
        // them, and nobody can recover it. What is downloaded is not encrypted.
        encrypt: 'off',

        // Days after which a recording is deleted by itself, 0 to 3650; 0: never. What was never downloaded is deleted only
        // a day after its owner was told.
        keepDays: 0,
    },
};
