import * as v from 'valibot';

export const EFFECT_CHOICES = ['off', 'slight-blur', 'blur'] as const;
export type EffectChoice = (typeof EFFECT_CHOICES)[number];

/** An address on the same site as `page`, made absolute. */
const addressOn = (page: string) =>
  v.pipe(v.string(), v.check((url) => isSameOrigin(url, page), 'an address on this site'), v.transform((url) => new URL(url, page).href));

const RECORDING_SOURCES = ['tab', 'room', 'sound', 'self'] as const;

/** Every flag under `config.greenroom`, with its default. `page`: the address that relative ones are relative to. */
const schemaFor = (page: string) => v.strictObject({
  effects: v.optional(
    v.strictObject({
      /** Whether there is an Effects button and the camera goes through us. */
      enabled: v.optional(v.boolean(), true),
      /**
       * `preferred`: the camera may be shown as it is, by the user's own choice. `required`: it never leaves without an
       * effect, and `off` is not on offer.
       */
      privacy: v.optional(v.picklist(['preferred', 'required']), 'preferred'),
      /** Whether, with `required`, a blur may step aside while the operating system says that it blurs. */
      trustSystemBlur: v.optional(v.boolean(), false),
      /** Whether the application's own background dialog drives our effects in place of its own. */
      takeOverVirtualBackground: v.optional(v.boolean(), false),
      /** What a first-time visitor starts with; where privacy is required, `off` means `blur`. */
      default: v.optional(v.picklist(EFFECT_CHOICES), 'off'),
      /** Whether a visitor's own choice is kept for the next meeting. */
      remember: v.optional(v.boolean(), true),
      /** More background pictures. Only from this site: any other would learn who is in a meeting. */
      pictures: v.optional(v.array(v.strictObject({ name: v.string(), url: addressOn(page) })), []),
      /** Background videos, which play over and over. `poster`: their first picture, for the list and for browsers that cannot play them. */
      videos: v.optional(v.array(v.strictObject({ name: v.string(), url: addressOn(page), poster: v.optional(addressOn(page)) })), []),
    }),
    {},
  ),
  recorder: v.optional(
    v.strictObject({
      /** Whether there is a Record button. */
      enabled: v.optional(v.boolean(), true),
      /** Whether everybody in the meeting is told that a recording runs. */
      announce: v.optional(v.boolean(), true),
      /** What is recorded if nothing else is chosen; where the browser cannot capture a tab, the room. */
      source: v.optional(v.picklist(RECORDING_SOURCES), 'tab'),
      /** What people may choose from. */
      sources: v.optional(v.pipe(v.array(v.picklist(RECORDING_SOURCES)), v.minLength(1)), [...RECORDING_SOURCES]),
      /** How the room is arranged: all of one size, or whoever speaks large. */
      layout: v.optional(v.picklist(['gallery', 'speaker']), 'gallery'),
      /** What the picture is encoded as; where a browser cannot, and with `auto`, what it encodes for the least work. */
      videoCodec: v.optional(v.picklist(['auto', 'vp8', 'vp9', 'av1']), 'auto'),
      /** Bits per second of the picture. */
      videoBitsPerSecond: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100_000), v.maxValue(20_000_000)), 2_500_000),
      /** Bits per second of the sound, and of each person's own where that is recorded as well. */
      audioBitsPerSecond: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16_000), v.maxValue(510_000)), 128_000),
      /** How recordings are kept on disk: as they are, under a key of this browser, or under the user's own passphrase. */
      encrypt: v.optional(v.picklist(['off', 'device', 'passphrase']), 'off'),
      /** Days after which a recording is deleted by itself; 0: never. */
      keepDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(3650)), 0),
    }),
    {},
  ),
});

export type Config = Readonly<v.InferOutput<ReturnType<typeof schemaFor>>>;

const isSameOrigin = (url: string, page: string): boolean => URL.canParse(url, page) && new URL(url, page).origin === new URL(page).origin;

/**
 * Reads the flags once. A wrong one is reported and replaced by its default; the others count.
 *
 * @param given `config.greenroom`, whatever the administrator wrote
 * @param page the document's base address
 * @param warn gets one sentence per wrong flag: its path, what was found and what is allowed
 * @returns a copy, frozen: later changes of the page's config do not reach it
 */
export const readConfig = (given: unknown, page: string, warn: (sentence: string) => void): Config => {
  const schema = schemaFor(page);
  let candidate: unknown = given === undefined ? {} : copy(given);
  // Each round takes out what was found wrong, so that defaults step in; a flag cannot be wrong twice.
  for (;;) {
    const result = v.safeParse(schema, candidate);
    if (result.success) return freeze(result.output);
    const reported = new Set<string>();
    // Backwards, and one entry of a list at a time: the places of those before it stay as the administrator counts them.
    for (const issue of [...result.issues].reverse()) {
      const keys = (issue.path ?? []).map((item) => String(item.key));
      const path = ['config', 'greenroom', ...keys].join('.');
      if (reported.has(path)) continue;
      reported.add(path);
      const inList = issue.path?.some(({ type }) => type === 'array') === true;
      const unknown = issue.type === 'strict_object' && issue.expected === 'never';
      warn(
        unknown
          ? `${path} is not a flag and is ignored; please check its spelling.`
          : `${path} is ${issue.received}, but must be ${allowed(issue)}; ${inList ? 'this entry is ignored' : 'the default is used'}.`,
      );
      candidate = without(candidate, keys);
      if (inList) break;
    }
  }
};

const allowed = ({ type, expected, requirement, message }: v.BaseIssue<unknown>): string => {
  if (expected === 'Object') return 'an object';
  if (expected === 'Array') return 'a list';
  if (expected !== null) return expected.replace(/^\((.*)\)$/, '$1').replace(/ \| /g, ' or ');
  if (type === 'check') return message;
  return typeof requirement === 'function' ? 'a whole number' : String(requirement);
};

/** Copies plain objects all the way down; anything else is left for the schema to judge. */
const copy = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
};

const without = (value: unknown, keys: readonly string[]): unknown => {
  const [key, ...rest] = keys;
  if (key === undefined) return {};
  if (typeof value !== 'object' || value === null) return value;
  // An entry of a list goes as a whole: half a picture is none.
  if (Array.isArray(value)) return value.filter((_, index) => String(index) !== key);
  const { [key]: inner, ...others } = value as Record<string, unknown>;
  return rest.length > 0 ? { ...others, [key]: without(inner, rest) } : others;
};

const freeze = <T extends object>(value: T): T => {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) freeze(inner as object);
  return Object.freeze(value);
};
