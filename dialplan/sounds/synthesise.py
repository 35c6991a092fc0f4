"""Make our prompts and tones: `python dialplan/sounds/synthesise.py`. Needs espeak-ng (a Debian package) and numpy.

The results are committed, so nobody needs to run this but who changes a sentence. Prompts: one folder per language, 8 kHz mono
16-bit WAV, which every Asterisk plays. Tones are the same in each language: two rising notes (started), two falling ones
(stopped), three low ones (failed), at -18 dBFS with soft edges, so that they are heard beside a voice and hurt nobody.
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
    },
}
VOICES = {"en": "en-us", "fr": "fr-fr", "de": "de", "es": "es"}
TONES = {
    "recording-started": ((660, 0.12), (0, 0.04), (880, 0.16)),
    "recording-stopped": ((880, 0.12), (0, 0.04), (660, 0.16)),
    "recording-failed": ((330, 0.14), (0, 0.06), (330, 0.14), (0, 0.06), (330, 0.14)),
}

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
    return 0


if __name__ == "__main__":
    sys.exit(main())
