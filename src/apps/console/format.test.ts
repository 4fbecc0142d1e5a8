import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatMoment,
  formatMs,
  formatRate,
  formatScore,
  formatShare,
  plural,
  text,
} from './format.ts'

test('formatCount() groups thousands and shortens millions', () => {
  assert.deepEqual([0, 950, 12_345, 1_234_567, Number.NaN].map(formatCount), [
    '0',
    '950',
    '12,345',
    '1.23M',
    '–',
  ])
})

test('formatRate() has one decimal below ten and none above', () => {
  assert.deepEqual([0, 3.42, 9.94, 9.96, 120.4, 12_345].map(formatRate), [
    '0',
    '3.4',
    '9.9',
    '10',
    '120',
    '12,345',
  ])
})

test('formatMs() keeps two or three significant digits across units', () => {
  const values = [0, 0.42, 0.996, 4.23, 9.96, 42.4, 999.6, 1200, 42_000, Number.NaN]
  assert.deepEqual(
    values.map((ms) => text(formatMs(ms))),
    ['0.00 ms', '0.42 ms', '1.0 ms', '4.2 ms', '10 ms', '42 ms', '1.00 s', '1.20 s', '42 s', '–'],
  )
})

test('formatBytes() never shows four digits', () => {
  const values = [0, 999, 1000, 1500, 15_400, 999_600, 1_500_000, 2e15]
  assert.deepEqual(
    values.map((bytes) => text(formatBytes(bytes))),
    ['0 B', '999 B', '1.0 kB', '1.5 kB', '15 kB', '1.0 MB', '1.5 MB', '2000 TB'],
  )
})

test('formatDuration() shows the two largest units', () => {
  const values = [0, 4999, 60_000, 125_000, 11_520_000, 352_800_000, -1]
  assert.deepEqual(values.map(formatDuration), [
    '0 s',
    '4 s',
    '1 min',
    '2 min 5 s',
    '3 h 12 min',
    '4 d 2 h',
    '–',
  ])
})

test('formatShare(), formatScore(), plural()', () => {
  assert.deepEqual(
    [0, 0.0002, 0.004, 0.12, 1, Number.NaN].map((share) => text(formatShare(share))),
    ['0 %', '<0.1 %', '0.4 %', '12 %', '100 %', '–'],
  )
  assert.equal(formatScore(3), '3.00')
  assert.deepEqual([plural(1, 'server'), plural(2, 'server')], ['1 server', '2 servers'])
})

test('formatClock() and formatMoment() are 24 hours', () => {
  assert.equal(formatClock(0, 'UTC'), '00:00:00')
  assert.equal(formatMoment(1_763_733_909_000, 'UTC'), '21 Nov 2025, 14:05:09')
})
