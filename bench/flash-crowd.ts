/**
 * The shape of a flash crowd, and days as a forecaster may have seen them before: made from the shape, or read from a recorded trace.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { seededFraction } from '../src/math/seeded-chance.ts'

/** Requests per four minutes of the WorldCup98 trace from 24 June 1998, 13:10 on, two matches that day; its peak is 1. */
export const FLASH_CROWD = [
  ...[0.22, 0.23, 0.23, 0.23, 0.24, 0.23, 0.23, 0.24, 0.24, 0.25, 0.26, 0.29, 0.33, 0.42, 0.49],
  ...[0.54, 0.6, 0.63, 0.7, 0.72, 0.73, 0.73, 0.74, 0.8, 0.82, 0.83, 0.82, 0.77, 0.78, 0.77],
  ...[0.77, 0.82, 0.8, 0.82, 0.82, 0.84, 0.85, 0.87, 0.85, 0.9, 0.9, 0.94, 1.0, 0.96, 0.9],
]
const SHAPE_MINUTES = 4
export const CROWD_MINUTES = FLASH_CROWD.length * SHAPE_MINUTES
/** How long the crowd of the shape takes to go. */
export const FALL_MINUTES = 120

/** Minutes of a day, and what was before: as shares of the highest minute up to the end of the crowd. */
export interface PlayedCrowd {
  /** Until the first minute played. */
  readonly before: readonly number[]
  /** Those of the warm-up, {@link CROWD_MINUTES}, and those after it. */
  readonly played: readonly number[]
  /** Where they are from, for a person. */
  readonly source: string
}

const DAY = 1440
/** As much as a forecaster looks at: three weeks, and a day. */
const BEFORE_DAYS = 22
/** When the crowd of the shape begins, in minutes of the day. */
const BEGINS_AT = 13 * 60 + 10
/** No day is like another: of the logarithm of its level, and the minutes by which its crowd comes sooner or later. */
const DAY_SIGMA = 0.15
const SHIFT_MINUTES = 10
const SEED = 98

/**
 * Days that had such a crowd at about the same time; only the one played is the recorded shape.
 *
 * @param warmUp minutes before it that are played too
 * @param after minutes after it
 */
export function madeDays(warmUp: number, after: number): PlayedCrowd {
  const chance = seededFraction(SEED)
  const days = Array.from({ length: BEFORE_DAYS }, () => {
    const level = Math.exp(DAY_SIGMA * (2 * chance() - 1) * Math.sqrt(3))
    const shift = Math.round(SHIFT_MINUTES * (2 * chance() - 1))
    return Array.from({ length: DAY }, (_, minute) => level * shapeAt(minute - BEGINS_AT - shift))
  })
  const today = Array.from({ length: BEGINS_AT - warmUp }, (_, m) => shapeAt(m - BEGINS_AT))
  const minutes = warmUp + CROWD_MINUTES + after
  return {
    before: [...days.flat(), ...today],
    played: Array.from({ length: minutes }, (_, m) => shapeAt(m - warmUp)),
    source: `${BEFORE_DAYS} days made from the same shape, each of another level and up to ${SHIFT_MINUTES} min sooner or later`,
  }
}

/** Between two values of the shape a straight line; before it its first, and down to that within two hours after it. */
function shapeAt(minute: number): number {
  const first = FLASH_CROWD[0] ?? 0
  const last = FLASH_CROWD.at(-1) ?? 0
  const at = minute / SHAPE_MINUTES
  const end = FLASH_CROWD.length - 1
  if (at <= 0) return first
  if (at >= end)
    return Math.max(first, last - ((last - first) * (minute - end * SHAPE_MINUTES)) / FALL_MINUTES)
  const [from, share] = [Math.floor(at), at % 1]
  return (FLASH_CROWD[from] ?? 0) * (1 - share) + (FLASH_CROWD[from + 1] ?? 0) * share
}

/** The same three hours as the shape has them, minute by minute. */
const RECORDED_FROM = '1998-06-24 13:10'

/** @param file lines `minute,requests`, gzip, of the WorldCup98 trace (UTC); each minute is one line */
export function recordedDays(file: string, warmUp: number, after: number): PlayedCrowd {
  const rows = gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
  const at = rows.findIndex(([minute]) => minute === RECORDED_FROM)
  if (at < BEFORE_DAYS * DAY)
    throw new Error(`${file} has no ${BEFORE_DAYS} days before ${RECORDED_FROM}`)
  const counts = rows.map(([, requests]) => Number(requests))
  const played = counts.slice(at - warmUp, at + CROWD_MINUTES + after)
  const most = Math.max(...played.slice(0, warmUp + CROWD_MINUTES))
  const shares = (of: readonly number[]): number[] => of.map((count) => count / most)
  return {
    before: shares(counts.slice(at - warmUp - BEFORE_DAYS * DAY, at - warmUp)),
    played: shares(played),
    source: `the ${BEFORE_DAYS} days of the same trace before it`,
  }
}
