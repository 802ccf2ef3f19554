/** One sheet for the shadow root, constructed rather than inline: a strict policy forbids style elements. */
export const styles = `
:host { all: initial; }
* { box-sizing: border-box; }
.root { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #f1f3f5; color-scheme: dark; }
button { font: inherit; color: inherit; }
.panel {
  position: fixed; z-index: 2147483000; left: 50%; bottom: 96px; transform: translateX(-50%);
  width: min(380px, calc(100vw - 24px)); max-height: min(640px, calc(100vh - 130px)); overflow: auto; scroll-padding: 60px 0 12px;
  background: #1c1f24; border: 1px solid #343a42; border-radius: 14px; box-shadow: 0 16px 48px rgb(0 0 0 / .55); padding: 16px;
}
.head { position: sticky; top: -16px; z-index: 1; display: flex; align-items: center; justify-content: space-between; margin: -16px -16px 0; padding: 12px 16px 8px; background: #1c1f24; }
h2 { font-size: 16px; font-weight: 600; margin: 0; }
.icon { display: grid; place-items: center; width: 32px; height: 32px; border: 0; border-radius: 8px; background: none; cursor: pointer; }
.icon:hover { background: #2b3037; }
:focus-visible { outline: 2px solid #7ab8ff; outline-offset: 2px; }
.options { display: grid; gap: 8px; border: 0; margin: 0; padding: 4px 0 0; }
.option { display: flex; gap: 12px; align-items: center; padding: 10px 12px; border: 1px solid #343a42; border-radius: 10px; cursor: pointer; }
.option:hover { background: #252a31; }
.option:has(:checked) { border-color: #4f9dff; background: #1d2b3d; }
.option:has(:focus-visible) { outline: 2px solid #7ab8ff; outline-offset: 2px; }
.option input { appearance: none; position: absolute; opacity: 0; }
.tick { display: flex; gap: 10px; align-items: flex-start; padding: 10px 12px 0; cursor: pointer; }
.tick input { flex: none; width: 16px; height: 16px; margin: 2px 0 0; accent-color: #4f9dff; }
.swatch { flex: none; width: 64px; height: 40px; border-radius: 6px; overflow: hidden; background: #39424d; }
.name { font-weight: 600; }
h3 { font-size: 13px; font-weight: 600; margin: 14px 0 8px; color: #d5dbe1; }
.tiles { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; }
.tiles.colours { grid-template-columns: repeat(4, 1fr); }
.tile { position: relative; min-width: 0; }
.tile label { display: block; border: 1px solid #343a42; border-radius: 10px; padding: 3px; cursor: pointer; }
.tile label:hover { background: #252a31; }
.tile label:has(:checked) { border-color: #4f9dff; background: #1d2b3d; box-shadow: 0 0 0 1px #4f9dff; }
.tile label:has(:focus-visible) { outline: 2px solid #7ab8ff; outline-offset: 2px; }
.tile input { appearance: none; position: absolute; opacity: 0; }
.thumb { display: block; width: 100%; aspect-ratio: 16 / 9; object-fit: cover; border-radius: 7px; background: #39424d; }
.colours .thumb { height: 32px; aspect-ratio: auto; }
.caption { display: block; padding: 3px 4px 1px; font-size: 12px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: center; }
.remove { position: absolute; top: 7px; right: 7px; display: grid; place-items: center; width: 24px; height: 24px; padding: 0; border: 0; border-radius: 50%; background: rgb(20 23 27 / .82); cursor: pointer; }
.remove:hover { background: #b3261e; }
.file { display: none; }
.tiles + .file + .wide { margin-top: 8px; padding: 7px 12px; }
.refusal { margin: 6px 0 0; color: #ffb4a9; font-size: 13px; }
.refusal:empty { margin: 0; }
.hint, .status { color: #b3bcc6; font-size: 13px; }
.status { margin: 12px 0 0; min-height: 19px; display: flex; gap: 8px; align-items: baseline; }
.dot { flex: none; width: 8px; height: 8px; border-radius: 50%; background: #6b7682; }
.dot.on { background: #3ddc84; } .dot.wait { background: #f5c04a; } .dot.bad { background: #ff6b5e; }
.button { border: 1px solid #46505b; background: #2b3037; border-radius: 8px; padding: 6px 12px; cursor: pointer; }
.button:hover { background: #363d46; }
.button.primary { background: #2f6fd6; border-color: #2f6fd6; font-weight: 600; }
.button.primary:hover { background: #3b7ee8; }
.button.stop { background: #b3261e; border-color: #b3261e; font-weight: 600; }
.button.stop:hover { background: #c93a31; }
.button:disabled { opacity: .55; cursor: default; }
.wide { width: 100%; padding: 10px 12px; }
.list { list-style: none; margin: 14px 0 0; padding: 0; display: grid; gap: 8px; }
.item { border-top: 1px solid #343a42; padding-top: 10px; }
.row { display: flex; gap: 8px; align-items: center; justify-content: space-between; }
.row.actions { justify-content: flex-start; align-items: flex-start; flex-wrap: wrap; margin-top: 8px; }
.row.saving { margin-top: 8px; }
.row.saving progress { flex: 1; min-width: 40px; margin: 0; }
.row.saving .time { flex: none; min-width: 42px; text-align: end; font-variant-numeric: tabular-nums; }
.split { display: flex; }
.split .button:not(:last-child) { border-start-end-radius: 0; border-end-end-radius: 0; }
.split .more { display: grid; place-items: center; padding: 0 8px; border-start-start-radius: 0; border-end-start-radius: 0; border-inline-start: 0; }
.save { display: contents; }
.menu { order: 1; flex: 1 0 100%; display: grid; padding: 4px; background: #14171b; border: 1px solid #46505b; border-radius: 10px; }
.menu button { display: flex; justify-content: space-between; gap: 12px; align-items: baseline; padding: 7px 10px; border: 0; border-radius: 7px; background: none; text-align: start; cursor: pointer; }
.menu button:hover, .menu button:focus { background: #2b3037; }
.menu button:focus-visible { outline-offset: -2px; }
.menu .choice { align-items: center; margin-top: 4px; border-top: 1px solid #343a42; border-radius: 0 0 7px 7px; }
.check { flex: none; width: 16px; height: 16px; border: 1px solid #8a95a1; border-radius: 4px; font-size: 12px; line-height: 14px; text-align: center; }
[aria-checked=true] .check { background: #2f6fd6; border-color: #2f6fd6; }
.title { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.wide.start { margin-top: 12px; }
.level { flex: 1; min-width: 60px; height: 8px; align-self: center; }
p.room { margin: 4px 0 0; }
.pill .level { flex: none; width: 64px; min-width: 0; }
.markers { list-style: none; margin: 0; padding: 0; display: grid; gap: 6px; }
.markers .time { flex: none; font-variant-numeric: tabular-nums; color: #b3bcc6; }
.text { flex: 1; min-width: 0; font: inherit; color: inherit; background: #14171b; border: 1px solid #46505b; border-radius: 8px; padding: 4px 8px; }
.passphrase { margin-top: 8px; }
.passphrase p { margin: 0; }
.passphrase .refusal { margin-top: 8px; }
.field { display: grid; gap: 3px; margin-top: 8px; }
.field .text { padding: 7px 10px; }
.text[aria-invalid=true] { border-color: #ff6b5e; }
.button.plain { margin-inline-start: auto; border-color: transparent; background: none; color: #8fc1ff; }
.button[aria-disabled=true] { opacity: .55; cursor: default; }
.badge { flex: none; font-size: 12px; padding: 1px 8px; border-radius: 999px; background: #5a4a1c; color: #ffe3a3; }
.badge.system { background: #17402b; color: #a9efc5; }
.badge.video { position: absolute; left: 8px; top: 8px; padding: 0 6px; background: rgb(20 23 27 / .82); color: #f1f3f5; }
.badge.live { background: #5c1f1b; color: #ffc9c4; }
.empty { color: #b3bcc6; margin: 14px 0 0; }
progress { width: 100%; height: 6px; margin-top: 8px; accent-color: #4f9dff; }
.pill {
  position: fixed; z-index: 2147482999; top: 16px; left: 16px; display: flex; align-items: center; gap: 10px;
  background: rgb(28 31 36 / .92); border: 1px solid #4a3331; border-radius: 999px; padding: 6px 8px 6px 14px; box-shadow: 0 4px 16px rgb(0 0 0 / .4);
}
.pill .light { width: 10px; height: 10px; border-radius: 50%; background: #ff4d42; }
.pill .time { font-variant-numeric: tabular-nums; }
.pill .button { border-radius: 999px; padding: 3px 12px; }
@media (prefers-reduced-motion: no-preference) {
  .pill .light { animation: breathe 2s ease-in-out infinite; }
  @keyframes breathe { 50% { opacity: .35; } }
}
@media (forced-colors: active) { .option:has(:checked), .tile label:has(:checked) { outline: 2px solid Highlight; } .pill .light, .dot { forced-color-adjust: none; } }
`;
