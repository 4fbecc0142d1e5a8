/**
 * Cameras and attackers of `streams.ts`: contents, encoders, what an attacker sets otherwise. Parameters of the detector were chosen on
 * {@link CHOSEN_ON} and are judged on {@link JUDGED_ON}: other contents, other encoder settings.
 *
 * @module
 */
import type { Scene } from './video-capture.ts'

export interface Camera {
  readonly name: string
  readonly codec: 'h264' | 'h265'
  readonly encoder: readonly string[]
  /** Scene cuts make no key frames: its watch is told so. */
  readonly hasRhythm: boolean
  /** The first is learned; each of the others comes up three seconds into a run: a cut, also where it is the same again. */
  readonly contents: readonly string[]
  /** Encoders of attackers: the same codec, size, frame rate; bit rate tuned to be the same. */
  readonly others: Readonly<Record<string, readonly string[]>>
  /** What attackers film. */
  readonly foreign: string
}

const BASELINE_S = 45
/** Of the first content; runs follow. */
export const LEARNED_S = 42
export const RUN_S = 30
export const ATTACK_S = 15

export function sceneOf({ encoder, contents }: Camera): Scene {
  const seconds = (i: number): number => (i === 0 ? BASELINE_S : RUN_S)
  return { encoder, contents: contents.map((source, i) => ({ source, seconds: seconds(i) })) }
}

const x264 = (preset: string, kbps: number, key: number, ...more: readonly string[]) => [
  ...['-c:v', 'libx264', '-preset', preset, '-b:v', `${kbps}k`, '-maxrate', `${kbps}k`],
  ...['-bufsize', `${kbps}k`, '-g', String(key), ...more],
]
const x265 = (preset: string, kbps: number, key: number, more = '') => [
  ...['-c:v', 'libx265', '-preset', preset, '-b:v', `${kbps}k`, '-maxrate', `${kbps}k`],
  ...['-bufsize', `${kbps}k`, '-x265-params', `log-level=none:pools=1:keyint=${key}${more}`],
]
const LIVE = ['-tune', 'zerolatency', '-sc_threshold', '0']

const SWIRL = 'testsrc2,hue=H=0.3*t,noise=alls=10:allf=t:all_seed=2'

export const CHOSEN_ON: readonly Camera[] = [
  {
    name: 'x264 ultrafast 600k',
    codec: 'h264',
    encoder: x264('ultrafast', 600, 60, ...LIVE),
    hasRhythm: true,
    contents: ['testsrc2', 'testsrc2', 'smptehdbars', 'testsrc', 'rgbtestsrc'],
    others: {
      preset: x264('veryfast', 600, 60, ...LIVE),
      options: x264('ultrafast', 600, 60, ...LIVE, '-x264-params', 'aq-mode=2:me=umh:subme=5'),
    },
    foreign: 'testsrc',
  },
  {
    name: 'x264 veryfast 400k',
    codec: 'h264',
    encoder: x264('veryfast', 400, 50),
    hasRhythm: false,
    contents: ['testsrc', 'testsrc', 'testsrc2', 'smptehdbars', 'pal75bars'],
    others: {
      preset: x264('superfast', 400, 50),
      options: x264('veryfast', 400, 50, '-x264-params', 'no-mbtree=1:subme=6:scenecut=0'),
    },
    foreign: 'testsrc2',
  },
  {
    name: 'x264 superfast 700k, B-frames',
    codec: 'h264',
    encoder: x264('superfast', 700, 40, '-bf', '3'),
    hasRhythm: false,
    contents: [SWIRL, SWIRL, 'testsrc2', SWIRL, 'pal75bars'],
    others: {
      preset: x264('veryfast', 700, 40, '-bf', '3'),
      options: x264('superfast', 700, 40, '-bf', '3', '-x264-params', 'aq-mode=0:me=hex:subme=4'),
    },
    foreign: 'testsrc',
  },
  {
    name: 'x265 ultrafast 400k',
    codec: 'h265',
    encoder: x265('ultrafast', 400, 50),
    hasRhythm: false,
    contents: ['testsrc2', 'testsrc2', 'testsrc', 'smptehdbars', SWIRL],
    others: {
      preset: x265('superfast', 400, 50),
      options: x265('ultrafast', 400, 50, ':bframes=0'),
    },
    foreign: 'testsrc',
  },
]

const NOISE = 'gradients=seed=17:speed=0.03,noise=alls=8:allf=t:all_seed=15'

export const JUDGED_ON: readonly Camera[] = [
  {
    name: 'x264 superfast 750k',
    codec: 'h264',
    encoder: x264('superfast', 750, 48),
    hasRhythm: false,
    contents: [
      'mandelbrot',
      'gradients=seed=11',
      'life=mold=20:ratio=0.15:seed=12',
      'mandelbrot',
      NOISE,
    ],
    others: {
      preset: x264('veryfast', 750, 48),
      options: x264('superfast', 750, 48, '-x264-params', 'no-scenecut=1:aq-mode=0:subme=4'),
    },
    foreign: 'gradients=seed=4',
  },
  {
    name: 'x264 ultrafast live 900k',
    codec: 'h264',
    encoder: x264('ultrafast', 900, 60, ...LIVE),
    hasRhythm: true,
    contents: [NOISE, NOISE, 'cellauto=rule=110:seed=13', 'gradients=seed=12', 'mandelbrot'],
    others: {
      preset: x264('superfast', 900, 60, ...LIVE),
      options: x264('ultrafast', 900, 75, ...LIVE, '-x264-params', 'aq-mode=1:subme=4'),
    },
    foreign: 'mandelbrot',
  },
  {
    name: 'x264 veryfast 450k, three slices',
    codec: 'h264',
    encoder: x264('veryfast', 450, 75, ...LIVE, '-slices', '3'),
    hasRhythm: true,
    contents: [
      'gradients=seed=13',
      'gradients=seed=13',
      NOISE,
      'mandelbrot',
      'life=mold=5:ratio=0.2:seed=14',
    ],
    others: {
      preset: x264('faster', 450, 75, ...LIVE, '-slices', '3'),
      options: x264('veryfast', 450, 75, ...LIVE),
    },
    foreign: 'life=mold=10:ratio=0.1:seed=9',
  },
  {
    name: 'x264 faster 350k, B-frames',
    codec: 'h264',
    encoder: x264('faster', 350, 60, '-bf', '2'),
    hasRhythm: false,
    contents: [
      'cellauto=rule=30:seed=21',
      'cellauto=rule=30:seed=21',
      'gradients=seed=15',
      NOISE,
      'mandelbrot',
    ],
    others: {
      preset: x264('medium', 350, 60, '-bf', '2'),
      options: x264('faster', 350, 60, '-bf', '2', '-x264-params', 'b-adapt=0:no-psy=1:me=dia'),
    },
    foreign: 'gradients=seed=8',
  },
  {
    name: 'x265 ultrafast 550k',
    codec: 'h265',
    encoder: x265('ultrafast', 550, 45, ':scenecut=0'),
    hasRhythm: true,
    contents: [
      'gradients=seed=16',
      'mandelbrot',
      'gradients=seed=16',
      'cellauto=rule=110:seed=18',
      NOISE,
    ],
    others: {
      preset: x265('superfast', 550, 45, ':scenecut=0'),
      options: x265('ultrafast', 550, 45, ':scenecut=0:aq-mode=0:rd=3'),
    },
    foreign: 'mandelbrot',
  },
]
