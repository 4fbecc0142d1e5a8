import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seasonProfile } from './season-profile.ts'

const frame = { stepS: 3600, startS: 0, seasons: [4, 12] }
const shape = (t: number) => [5, 9, 3, 4, 6, 8, 2, 4, 5, 7, 3, 1][t % 12] ?? 0

it('a profile that repeats goes on exactly', () => {
  const values = Float64Array.from({ length: 60 }, (_, t) => shape(t))
  const forecast = seasonProfile.forecast(seasonProfile.fit(values, frame), 12)
  for (const [h, value] of forecast.entries()) assert.ok(Math.abs(value - shape(h)) < 1e-6)
})

it('recent cycles count more: a profile that changed is followed, with the old one still in it', () => {
  const values = Float64Array.from({ length: 120 }, (_, t) =>
    t < 60 ? shape(t) : shape(t) * (t % 12 === 1 ? 2 : 1),
  )
  const [, next = 0] = seasonProfile.forecast(seasonProfile.fit(values, frame), 2)
  assert.ok(next > 14 && next <= 18.5, `${next}`)
})
