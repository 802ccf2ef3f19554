import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { text } from '../i18n';

/** What a new one has to have; longer sentences are better, and most people's shortest password is no shorter. */
const MIN_LENGTH = 8;

interface PassphraseFormProps {
  /** Part of the ids of the fields: one for each form on the panel. */
  readonly id: string;
  /** `choose`: a new one, typed twice. `enter`: the one that is there. */
  readonly kind: 'choose' | 'enter';
  /** What it is asked for. */
  readonly why: string;
  readonly action: string;
  /** @returns why it is refused, or null */
  readonly onGiven: (passphrase: string) => Promise<string | null>;
  readonly onCancel: () => void;
  /** To go on without the earlier one, where that is possible. */
  readonly onForgotten?: () => void;
}

/** Asks for a passphrase. What is refused is said beside the field, and can be corrected at once. */
export const PassphraseForm = ({ id, kind, why, action, onGiven, onCancel, onForgotten }: PassphraseFormProps) => {
  const field = useRef<HTMLInputElement>(null);
  const again = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [refusal, setRefusal] = useState<{ readonly reason: string; readonly at: typeof field } | null>(null);
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => {
    field.current?.focus();
    setRefusal(null);
  }, [kind]);

  useLayoutEffect(() => form.current?.scrollIntoView({ block: 'nearest' }), [kind, refusal]);

  const refuse = (reason: string, at: typeof field): void => {
    setRefusal({ reason, at });
    at.current?.focus();
    at.current?.select();
  };
  const submit = async (): Promise<void> => {
    const passphrase = field.current?.value ?? '';
    if (kind === 'choose' && passphrase.length < MIN_LENGTH) {
      refuse(text('passphraseShort', { count: MIN_LENGTH }), field);
      return;
    }
    if (kind === 'choose' && passphrase !== again.current?.value) {
      refuse(text('passphraseDiffers'), again);
      return;
    }
    setRefusal(null);
    setBusy(true);
    const reason = await onGiven(passphrase);
    setBusy(false);
    if (reason !== null) refuse(reason, field);
  };
  const input = (name: string, label: string, ref: typeof field) => (
    <label class="field">
      <span class="hint">{label}</span>
      <input
        class="text"
        type="password"
        name={name}
        ref={ref}
        required
        readOnly={busy}
        autocomplete={kind === 'choose' ? 'new-password' : 'current-password'}
        aria-invalid={refusal?.at === ref}
        aria-describedby={`${id}-why ${id}-refusal`}
      />
    </label>
  );
  return (
    <form
      class="passphrase"
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation(); // the panel stays
        onCancel();
      }}
    >
      <p class="hint" id={`${id}-why`}>
        {why}
      </p>
      {input('passphrase', text('passphrase'), field)}
      {kind === 'choose' && input('again', text('passphraseAgain'), again)}
      <p class="refusal" role="alert" id={`${id}-refusal`}>
        {refusal?.reason}
      </p>
      <div class="row actions">
        <button class="button primary" type="submit" aria-disabled={busy}>
          {busy ? text('passphraseChecking') : action}
        </button>
        <button class="button" type="button" onClick={onCancel}>
          {text('cancel')}
        </button>
        {onForgotten && (
          <button class="button plain" type="button" onClick={onForgotten}>
            {text('passphraseForgotten')}
          </button>
        )}
      </div>
    </form>
  );
};
