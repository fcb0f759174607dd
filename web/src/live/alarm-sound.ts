/**
 * Alarm sounds, made in the browser: bursts of pulses by priority, as medical monitors give them.
 *
 * A browser plays nothing before a gesture, so the state is measured and never assumed: sound is
 * "on" only while the audio context runs and the last self-test heard its own signal.
 */
import type { Priority } from "./alarms";
import { Observable } from "./observable";

export type SoundState = "on" | "blocked";

interface Burst {
  readonly pulses: readonly number[];
  readonly everyMs: number;
  readonly frequency: number;
}

// Pulse starts in seconds; ten pulses for high, three for medium, two for low (the pattern of IEC 60601-1-8).
const BURSTS: Readonly<Record<Priority, Burst>> = {
  high: { pulses: [0, 0.2, 0.4, 0.75, 0.95, 1.6, 1.8, 2.0, 2.35, 2.55], everyMs: 6000, frequency: 660 },
  medium: { pulses: [0, 0.35, 0.7], everyMs: 8000, frequency: 523 },
  low: { pulses: [0, 0.35], everyMs: 20_000, frequency: 440 },
};
const HARMONICS: readonly number[] = [1, 2, 3, 4, 5];
const PULSE_S = 0.13;
const LEVEL = 0.12;

export class AlarmSound {
  readonly state = new Observable<SoundState>("blocked");
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #priority: Priority | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pulses: GainNode[] = [];

  /** Call from a gesture: only then does a browser let sound out. */
  async turnOn(): Promise<void> {
    this.#context ??= this.#open();
    if (this.#context.state !== "running") await this.#context.resume();
    await this.#test();
  }

  /** Sound this priority until told otherwise; null is silence. */
  call(priority: Priority | null): void {
    if (priority === this.#priority) return;
    this.#priority = priority;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#hush();
    this.#burst();
  }

  /** One burst of this priority, to hear how it sounds; an alarm that calls goes before. */
  play(priority: Priority): void {
    const context = this.#context;
    if (this.#priority !== null || this.state.get() !== "on" || context === null) return;
    const { pulses, frequency } = BURSTS[priority];
    this.#hush();
    for (const start of pulses) this.#pulse(context, context.currentTime + 0.05 + start, frequency);
  }

  close(): void {
    this.call(null);
    void this.#context?.close();
    this.#context = null;
    this.state.set("blocked");
  }

  #open(): AudioContext {
    const context = new AudioContext();
    context.onstatechange = () => {
      if (context.state !== "running") this.state.set("blocked");
    };
    this.#analyser = context.createAnalyser();
    this.#analyser.connect(context.destination);
    return context;
  }

  /** Play something too quiet to hear and look whether it arrives. */
  async #test(): Promise<void> {
    const context = this.#context;
    const analyser = this.#analyser;
    if (context?.state !== "running" || analyser === null) return;
    const tone = context.createOscillator();
    const level = context.createGain();
    level.gain.value = 0.0005;
    tone.connect(level).connect(analyser);
    tone.start();
    await new Promise((resolve) => setTimeout(resolve, 120));
    const heard = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(heard);
    tone.stop();
    const works = heard.some((sample) => Math.abs(sample) > 1e-5);
    this.state.set(works ? "on" : "blocked");
    if (works) this.#burst();
  }

  #burst(): void {
    const priority = this.#priority;
    const context = this.#context;
    if (priority === null || this.state.get() !== "on" || context === null || this.#timer !== null) return;
    const { pulses, everyMs, frequency } = BURSTS[priority];
    this.#hush();
    for (const start of pulses) this.#pulse(context, context.currentTime + 0.05 + start, frequency);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#burst();
    }, everyMs);
  }

  /** End the pulses that were to come. */
  #hush(): void {
    for (const envelope of this.#pulses) envelope.disconnect();
    this.#pulses = [];
  }

  #pulse(context: AudioContext, at: number, frequency: number): void {
    const envelope = context.createGain();
    this.#pulses.push(envelope);
    envelope.gain.setValueAtTime(0, at);
    envelope.gain.linearRampToValueAtTime(LEVEL, at + 0.02);
    envelope.gain.setValueAtTime(LEVEL, at + PULSE_S - 0.03);
    envelope.gain.linearRampToValueAtTime(0, at + PULSE_S);
    if (this.#analyser !== null) envelope.connect(this.#analyser);
    for (const harmonic of HARMONICS) {
      const tone = context.createOscillator();
      const level = context.createGain();
      level.gain.value = 1 / (harmonic * HARMONICS.length);
      tone.frequency.value = frequency * harmonic;
      tone.connect(level).connect(envelope);
      tone.start(at);
      tone.stop(at + PULSE_S);
    }
  }
}
