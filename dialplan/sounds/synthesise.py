"""Make our prompts and tones: `python dialplan/sounds/synthesise.py`. Needs espeak-ng (a Debian package) and numpy.

The results are committed, so nobody needs to run this but who changes a sentence. Prompts: one folder per language, 8 kHz mono
16-bit WAV, which every Asterisk plays. Tones are the same in each language: two rising notes (started), two falling ones
(stopped), three low ones (failed), a high short one (beep), at -18 dBFS with soft edges, so that they are heard beside a voice and hurt nobody.
"""

import io
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
PROMPT_PEAK, TONE_PEAK = 0.5, 0.125
EDGE_S = 0.01

SENTENCES = {
    "en": {
        "call-recording-on": "Call recording is on. All your calls are recorded.",
        "call-recording-off": "Call recording is off.",
        "call-recording-refused": "Call recording cannot be changed from a forwarded call. Nothing was changed.",
        "call-recording-unknown": "This phone does not belong to a user. Nothing was changed.",
        "call-recording-unavailable": "Call recording cannot be changed now. Nothing was changed.",
        "call-recording-unconfirmed": "The change could not be confirmed. Please try again later.",
        "call-recording-deactivated": "This service is not activated.",
        "call-is-recorded": "This call is being recorded.",
        "call-is-paused": "The recording is paused.",
        "call-not-recorded": "This call is not being recorded.",
        "call-recording-some": "Some of your calls are recorded.",
        "other-call-recorded": "Your other call is being recorded.",
        "other-call-paused": "The recording of your other call is paused.",
        "other-call-not-recorded": "Your other call is not being recorded.",
        "other-call-unproven": "Your other call may be recorded.",
        "dnd-on": "Do not disturb is on. Your phone does not ring.",
        "dnd-off": "Do not disturb is off.",
        "forward-unconditional-on": "All your calls are forwarded to",
        "forward-unconditional-off": "Your calls are no longer forwarded.",
        "forward-no-answer-on": "Calls that you do not answer are forwarded to",
        "forward-no-answer-off": "Calls that you do not answer are no longer forwarded.",
        "forward-busy-on": "Calls while you are busy are forwarded to",
        "forward-busy-off": "Calls while you are busy are no longer forwarded.",
        "forwards-off": "All call forwarding is off.",
        "voicemail-on": "Your voicemail is on.",
        "voicemail-off": "Your voicemail is off.",
        "filter-on": "The filter is on. The secretary answers first.",
        "filter-off": "The filter is off.",
        "agent-on": "Logged in. The queues ring your phone.",
        "agent-off": "You have left all queues and are logged out.",
        "status-quiet": "No service is active on this phone.",
        "service-empty": "No number was entered. Nothing was changed.",
        "service-refused": "This is not possible. Nothing was changed.",
        "service-unknown": "This phone does not belong to a user. Nothing was changed.",
        "service-unavailable": "This cannot be changed now. Nothing was changed.",
        "service-unconfirmed": "The change could not be confirmed. Please try again later.",
        "service-deactivated": "This service is not activated.",
    },
    "fr": {
        "call-recording-on": "L'enregistrement des appels est activé. Tous vos appels sont enregistrés.",
        "call-recording-off": "L'enregistrement des appels est désactivé.",
        "call-recording-refused": "L'enregistrement ne peut pas être modifié depuis un appel renvoyé. Rien n'a été modifié.",
        "call-recording-unknown": "Ce poste n'appartient à aucun utilisateur. Rien n'a été modifié.",
        "call-recording-unavailable": "L'enregistrement ne peut pas être modifié maintenant. Rien n'a été modifié.",
        "call-recording-unconfirmed": "La modification n'a pas pu être confirmée. Veuillez réessayer plus tard.",
        "call-recording-deactivated": "Ce service n'est pas activé.",
        "call-is-recorded": "Cet appel est enregistré.",
        "call-is-paused": "L'enregistrement est en pause.",
        "call-not-recorded": "Cet appel n'est pas enregistré.",
        "call-recording-some": "Certains de vos appels sont enregistrés.",
        "other-call-recorded": "Votre autre appel est enregistré.",
        "other-call-paused": "L'enregistrement de votre autre appel est en pause.",
        "other-call-not-recorded": "Votre autre appel n'est pas enregistré.",
        "other-call-unproven": "Votre autre appel est peut-être enregistré.",
        "dnd-on": "Ne pas déranger est activé. Votre téléphone ne sonne pas.",
        "dnd-off": "Ne pas déranger est désactivé.",
        "forward-unconditional-on": "Tous vos appels sont renvoyés vers le",
        "forward-unconditional-off": "Vos appels ne sont plus renvoyés.",
        "forward-no-answer-on": "Les appels sans réponse sont renvoyés vers le",
        "forward-no-answer-off": "Les appels sans réponse ne sont plus renvoyés.",
        "forward-busy-on": "Les appels reçus quand vous êtes occupé sont renvoyés vers le",
        "forward-busy-off": "Les appels reçus quand vous êtes occupé ne sont plus renvoyés.",
        "forwards-off": "Tous les renvois d'appels sont désactivés.",
        "voicemail-on": "Votre messagerie est activée.",
        "voicemail-off": "Votre messagerie est désactivée.",
        "filter-on": "Le filtrage est activé. La secrétaire répond en premier.",
        "filter-off": "Le filtrage est désactivé.",
        "agent-on": "Connecté. Les files d'attente appellent votre poste.",
        "agent-off": "Vous avez quitté toutes les files et êtes déconnecté.",
        "status-quiet": "Aucun service n'est actif sur ce poste.",
        "service-empty": "Aucun numéro n'a été saisi. Rien n'a été modifié.",
        "service-refused": "Ce n'est pas possible. Rien n'a été modifié.",
        "service-unknown": "Ce poste n'appartient à aucun utilisateur. Rien n'a été modifié.",
        "service-unavailable": "La modification n'est pas possible maintenant. Rien n'a été modifié.",
        "service-unconfirmed": "La modification n'a pas pu être confirmée. Veuillez réessayer plus tard.",
        "service-deactivated": "Ce service n'est pas activé.",
    },
    "de": {
        "call-recording-on": "Die Gesprächsaufzeichnung ist eingeschaltet. Alle Ihre Gespräche werden aufgezeichnet.",
        "call-recording-off": "Die Gesprächsaufzeichnung ist ausgeschaltet.",
        "call-recording-refused": "Bei einem weitergeleiteten Anruf ist das nicht möglich. Es wurde nichts geändert.",
        "call-recording-unknown": "Dieses Telefon gehört zu keinem Benutzer. Es wurde nichts geändert.",
        "call-recording-unavailable": "Die Aufzeichnung kann jetzt nicht geändert werden. Es wurde nichts geändert.",
        "call-recording-unconfirmed": "Die Änderung konnte nicht bestätigt werden. Bitte versuchen Sie es später noch einmal.",
        "call-recording-deactivated": "Dieser Dienst ist nicht eingeschaltet.",
        "call-is-recorded": "Dieses Gespräch wird aufgezeichnet.",
        "call-is-paused": "Die Aufzeichnung ist angehalten.",
        "call-not-recorded": "Es wird nicht aufgezeichnet.",
        "call-recording-some": "Ein Teil Ihrer Gespräche wird aufgezeichnet.",
        "other-call-recorded": "Ihr anderes Gespräch wird aufgezeichnet.",
        "other-call-paused": "Die Aufzeichnung Ihres anderen Gesprächs ist angehalten.",
        "other-call-not-recorded": "Ihr anderes Gespräch wird nicht aufgezeichnet.",
        "other-call-unproven": "Ihr anderes Gespräch wird vielleicht aufgezeichnet.",
        "dnd-on": "Bitte nicht stören ist eingeschaltet. Ihr Telefon klingelt nicht.",
        "dnd-off": "Bitte nicht stören ist ausgeschaltet.",
        "forward-unconditional-on": "Alle Ihre Anrufe werden weitergeleitet an",
        "forward-unconditional-off": "Ihre Anrufe werden nicht mehr weitergeleitet.",
        "forward-no-answer-on": "Nicht angenommene Anrufe werden weitergeleitet an",
        "forward-no-answer-off": "Nicht angenommene Anrufe werden nicht mehr weitergeleitet.",
        "forward-busy-on": "Anrufe bei besetzt werden weitergeleitet an",
        "forward-busy-off": "Anrufe bei besetzt werden nicht mehr weitergeleitet.",
        "forwards-off": "Alle Weiterleitungen sind ausgeschaltet.",
        "voicemail-on": "Ihr Anrufbeantworter ist eingeschaltet.",
        "voicemail-off": "Ihr Anrufbeantworter ist ausgeschaltet.",
        "filter-on": "Der Filter ist eingeschaltet. Das Sekretariat nimmt zuerst an.",
        "filter-off": "Der Filter ist ausgeschaltet.",
        "agent-on": "Angemeldet. Die Warteschlangen rufen Ihr Telefon.",
        "agent-off": "Sie haben alle Warteschlangen verlassen und sind abgemeldet.",
        "status-quiet": "Auf diesem Telefon ist kein Dienst eingeschaltet.",
        "service-empty": "Es wurde keine Nummer eingegeben. Es wurde nichts geändert.",
        "service-refused": "Das ist nicht möglich. Es wurde nichts geändert.",
        "service-unknown": "Dieses Telefon gehört zu keinem Benutzer. Es wurde nichts geändert.",
        "service-unavailable": "Das kann jetzt nicht geändert werden. Es wurde nichts geändert.",
        "service-unconfirmed": "Die Änderung konnte nicht bestätigt werden. Bitte versuchen Sie es später noch einmal.",
        "service-deactivated": "Dieser Dienst ist nicht eingeschaltet.",
    },
    "es": {
        "call-recording-on": "La grabación de llamadas está activada. Todas sus llamadas se graban.",
        "call-recording-off": "La grabación de llamadas está desactivada.",
        "call-recording-refused": "La grabación no se puede cambiar desde una llamada desviada. No se ha cambiado nada.",
        "call-recording-unknown": "Este teléfono no pertenece a ningún usuario. No se ha cambiado nada.",
        "call-recording-unavailable": "La grabación no se puede cambiar ahora. No se ha cambiado nada.",
        "call-recording-unconfirmed": "No se ha podido confirmar el cambio. Inténtelo de nuevo más tarde.",
        "call-recording-deactivated": "Este servicio no está activado.",
        "call-is-recorded": "Esta llamada se está grabando.",
        "call-is-paused": "La grabación está en pausa.",
        "call-not-recorded": "Esta llamada no se está grabando.",
        "call-recording-some": "Algunas de sus llamadas se graban.",
        "other-call-recorded": "Su otra llamada se está grabando.",
        "other-call-paused": "La grabación de su otra llamada está en pausa.",
        "other-call-not-recorded": "Su otra llamada no se está grabando.",
        "other-call-unproven": "Es posible que su otra llamada se esté grabando.",
        "dnd-on": "No molestar está activado. Su teléfono no suena.",
        "dnd-off": "No molestar está desactivado.",
        "forward-unconditional-on": "Todas sus llamadas se desvían al",
        "forward-unconditional-off": "Sus llamadas ya no se desvían.",
        "forward-no-answer-on": "Las llamadas sin respuesta se desvían al",
        "forward-no-answer-off": "Las llamadas sin respuesta ya no se desvían.",
        "forward-busy-on": "Las llamadas cuando está ocupado se desvían al",
        "forward-busy-off": "Las llamadas cuando está ocupado ya no se desvían.",
        "forwards-off": "Todos los desvíos están desactivados.",
        "voicemail-on": "Su buzón de voz está activado.",
        "voicemail-off": "Su buzón de voz está desactivado.",
        "filter-on": "El filtro está activado. La secretaria responde primero.",
        "filter-off": "El filtro está desactivado.",
        "agent-on": "Conectado. Las colas llaman a su teléfono.",
        "agent-off": "Ha salido de todas las colas y está desconectado.",
        "status-quiet": "No hay ningún servicio activo en este teléfono.",
        "service-empty": "No se ha marcado ningún número. No se ha cambiado nada.",
        "service-refused": "No es posible. No se ha cambiado nada.",
        "service-unknown": "Este teléfono no pertenece a ningún usuario. No se ha cambiado nada.",
        "service-unavailable": "No se puede cambiar ahora. No se ha cambiado nada.",
        "service-unconfirmed": "No se ha podido confirmar el cambio. Inténtelo de nuevo más tarde.",
        "service-deactivated": "Este servicio no está activado.",
    },
}
VOICES = {"en": "en-us", "fr": "fr-fr", "de": "de", "es": "es"}
TONES = {
    "recording-beep": ((1400, 0.2),),
    "recording-started": ((660, 0.12), (0, 0.04), (880, 0.16)),
    "recording-stopped": ((880, 0.12), (0, 0.04), (660, 0.16)),
    "recording-failed": ((330, 0.14), (0, 0.06), (330, 0.14), (0, 0.06), (330, 0.14)),
}

SILENCES_S = (1, 3)
"""Played where nothing flows to a phone, so that a tone can be mixed into it."""

Samples = npt.NDArray[np.float64]


def spoken(sentence: str, voice: str) -> Samples:
    """The sentence at 8 kHz, between -1 and 1."""
    made = subprocess.run(  # noqa: S603 - our own sentences
        ["espeak-ng", "-v", voice, "-s", "150", "--stdout", sentence],  # noqa: S607 - whichever espeak-ng this machine has
        check=True,
        capture_output=True,
    )
    with wave.open(io.BytesIO(made.stdout)) as file:
        rate_hz = file.getframerate()
        samples = np.frombuffer(file.readframes(1 << 24), "<i2") / 32768.0
    spectrum = np.fft.rfft(samples)  # a brick-wall low-pass at 4 kHz: resampling by truncating the spectrum
    length = round(len(samples) * RATE_HZ / rate_hz)
    kept = np.zeros(length // 2 + 1, complex)
    kept[: min(len(kept), len(spectrum))] = spectrum[: len(kept)]
    resampled = np.fft.irfft(kept, length) * length / len(samples)
    return resampled / np.abs(resampled).max() * PROMPT_PEAK


def tone(notes: tuple[tuple[int, float], ...]) -> Samples:
    """Notes of (Hz, seconds) one after the other; 0 Hz is silence."""
    return np.concatenate([_note(hz, seconds) for hz, seconds in notes])


def _note(hz: int, seconds: float) -> Samples:
    at_s = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    edge = np.clip(np.minimum(at_s, at_s[::-1]) / EDGE_S, 0, 1)
    return np.sin(2 * np.pi * hz * at_s) * edge * TONE_PEAK


def save(path: Path, samples: Samples) -> None:
    """A WAV file that every Asterisk plays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def main() -> int:
    """Make every sound of every language."""
    here = Path(__file__).parent
    for language, sentences in SENTENCES.items():
        for name, sentence in sentences.items():
            save(here / language / "callrec" / f"{name}.wav", spoken(sentence, VOICES[language]))
        for name, notes in TONES.items():
            save(here / language / "callrec" / f"{name}.wav", tone(notes))
        for length_s in SILENCES_S:
            save(here / language / "callrec" / f"recording-silence-{length_s}s.wav", np.zeros(RATE_HZ * length_s))
    return 0


if __name__ == "__main__":
    sys.exit(main())
