import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fieldUnderTest, PageUnderTest } from './page-under-test.ts'

const SEED = 20_261_121
const RUNS = 300

async function consented(...args: ConstructorParameters<typeof PageUnderTest>) {
  const page = new PageUnderTest(...args)
  assert.equal(await page.behavior.consent(), 'profile')
  return page
}

describe('consent', () => {
  it('before it nothing is listened to, asked or sent', async () => {
    const page = new PageUnderTest()
    page.stroke('a', 90)
    await page.pass(60_000)
    assert.deepEqual([page.listeners, page.requests, page.behavior.mode], [0, [], 'off'])
  })

  it('with it all listeners are passive', async () => {
    const page = await consented()
    assert.ok(page.listeners > 10)
    for (const [type, , options] of [...page.window.listeners, ...page.document.listeners]) {
      assert.deepEqual(options, { passive: true, capture: true }, type)
    }
  })

  it('withdrawn: nothing is listened to or sent any more, and what was not sent is gone', async () => {
    const page = await consented()
    page.stroke('a', 90)
    page.behavior.withdraw()
    assert.deepEqual([page.listeners, page.behavior.mode], [0, 'off'])
    page.fire('pagehide')
    await page.pass(600_000)
    assert.deepEqual(page.requests, ['GET'])
    assert.equal(await page.behavior.consent(), 'profile')
    await page.pass(10_000)
    assert.deepEqual(page.received, [])
  })

  it('withdrawn while the site is asked: nothing is ever listened to', async () => {
    const page = new PageUnderTest()
    const asked = page.behavior.consent()
    page.behavior.withdraw()
    assert.equal(await asked, 'off')
    await page.pass(60_000)
    assert.deepEqual([page.listeners, page.requests], [0, ['GET']])
  })

  it('twice listens once', async () => {
    const page = await consented()
    const { listeners } = page
    await page.behavior.consent()
    assert.equal(page.listeners, listeners)
  })

  it('is of no use where the site is off, the answer is none, or there is no TLS', async () => {
    for (const settings of [{ mode: 'off' }, {}, { mode: 'profile', token: 'short' }]) {
      const page = new PageUnderTest()
      page.settings = { ...settings }
      assert.equal(await page.behavior.consent(), 'off')
      await page.pass(60_000)
      assert.deepEqual([page.listeners, page.requests], [0, ['GET']])
    }
    const plain = new PageUnderTest([], { isSecure: false })
    assert.equal(await plain.behavior.consent(), 'off')
    assert.deepEqual([plain.listeners, plain.requests], [0, []])
  })

  it('to be told from programs only: no field, place or keyboard is told', async () => {
    const field = fieldUnderTest()
    for (const bySite of [true, false]) {
      const page = new PageUnderTest([field])
      if (bySite) page.settings = { mode: 'bot-only', everyMs: 5000 }
      assert.equal(await page.behavior.consent(bySite ? 'profile' : 'bot-only'), 'bot-only')
      page.stroke('a', 90, { target: field })
      await page.pass(5000)
      const [{ envelope, batch } = assert.fail()] = page.received
      assert.equal(envelope.botOnly, true)
      assert.deepEqual([batch.place, batch.context.keyboard], [0, 'unknown'])
      const key = { kind: 'key', atMs: 1000, holdMs: 90, class: 'letter', field: 0 }
      assert.deepEqual(batch.records, [key])
    }
  })
})

describe('typing', () => {
  it('is told as timings, classes and numbers of fields', async () => {
    const [user, secret] = [fieldUnderTest(), fieldUnderTest({ secret: true })]
    const page = await consented([user, secret])
    for (const key of ['a', '7', ' ', '%', 'Backspace', 'ArrowLeft', 'Shift', 'F5']) {
      page.stroke(key, 80, { target: user })
      page.atMs += 20
    }
    page.stroke('c', 30, { target: user, ctrlKey: true })
    page.key('keydown', 'Shift', { target: secret })
    page.stroke('P', 70, { target: secret })
    page.key('keyup', 'Shift', { target: secret })
    page.stroke('Enter', 60, { target: secret })
    await page.pass(5000)
    const key = (at: number, hold: number, what: string, field = 1) => [at, hold, what, field]
    assert.deepEqual(
      page.records.map((one) => one.kind === 'key' && [one.atMs, one.holdMs, one.class, one.field]),
      [
        ...[key(1000, 80, 'letter'), key(1100, 80, 'digit'), key(1200, 80, 'space')],
        ...[key(1300, 80, 'punctuation'), key(1400, 80, 'edit'), key(1500, 80, 'navigation')],
        ...[key(1600, 80, 'modifier'), key(1700, 80, 'other'), key(1800, 30, 'other')],
        ...[key(1830, 70, 'hidden', 2), key(1900, 60, 'hidden', 2)],
      ],
    )
  })

  it('has no hold where the release was not seen, or came late, and no repeats', async () => {
    const page = await consented()
    page.key('keydown', 'a')
    for (let i = 0; i < 9; i++) page.key('keydown', 'a', { repeat: true })
    page.fire('blur', { target: fieldUnderTest() })
    page.fire('blur')
    page.stroke('b', 2001)
    await page.pass(5000)
    assert.deepEqual(
      page.records.map((one) => one.kind === 'key' && one.holdMs),
      [undefined, undefined],
    )
  })

  it('has its hold where the key moved on to another field', async () => {
    const page = await consented()
    page.key('keydown', 'Tab')
    page.fire('blur', { target: fieldUnderTest() })
    page.atMs += 50
    page.key('keyup', 'Tab', { target: fieldUnderTest() })
    await page.pass(5000)
    const key = { kind: 'key', atMs: 1000, holdMs: 50, class: 'navigation', field: 0 }
    assert.deepEqual(page.records, [key])
  })

  it('of a password stays hidden when the page shows it in plain', async () => {
    const target = fieldUnderTest({ secret: true })
    const page = await consented([target])
    target['matches'] = (selectors: string) => selectors.startsWith('input')
    page.stroke('a', 90, { target })
    await page.pass(10_000)
    assert.deepEqual(
      page.records.map((one) => one.kind === 'key' && one.class),
      ['hidden'],
    )
  })

  it('of private parts of a page is not told', async () => {
    const field = fieldUnderTest({ isPrivate: true })
    const page = await consented([field])
    page.stroke('a', 90, { target: field })
    await page.pass(5000)
    assert.deepEqual(page.records, [])
  })

  it(`never says which key it was: other keys of the same classes, the same bytes (seed ${SEED})`, async () => {
    const CLASSES: readonly (readonly string[])[] = [
      [...'abcdefghijklmnopqrstuvwxyzABCXYZéßжλ漢'],
      [...'0123456789٣'],
      [...'.,;:!?-_/\\"\'%&()[]{}€'],
      ['Backspace', 'Delete', 'Insert'],
      ['ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp'],
      ['Shift', 'Control', 'Alt', 'Meta', 'CapsLock'],
      ['F1', 'F2', 'MediaPlay', 'ContextMenu', 'Dead'],
    ]
    const stroke = fc.record({
      class: fc.nat(CLASSES.length - 1),
      index: fc.nat(100),
      ...{ field: fc.nat(2), gapMs: fc.nat(400), holdMs: fc.integer({ min: 1, max: 300 }) },
    })
    const shifts = fc.array(fc.nat(100), {
      minLength: CLASSES.length,
      maxLength: CLASSES.length,
    })
    const typed = async (
      strokes: readonly {
        class: number
        index: number
        field: number
        gapMs: number
        holdMs: number
      }[],
      turned: readonly number[],
    ) => {
      const fields = [fieldUnderTest(), fieldUnderTest({ secret: true }), fieldUnderTest()]
      const page = await consented(fields)
      const events = strokes.flatMap((one, i) => {
        const keys = CLASSES[one.class] ?? []
        const key = keys[(one.index + (turned[one.class] ?? 0)) % keys.length] ?? ''
        const downMs = strokes.slice(0, i + 1).reduce((sum, { gapMs }) => sum + gapMs, 1000)
        const target = fields[one.field]
        const code = `Code of ${key}`
        return [
          { atMs: downMs, type: 'keydown' as const, key, code, target },
          { atMs: downMs + one.holdMs, type: 'keyup' as const, key, code, target },
        ]
      })
      for (const { atMs, type, key, code, target } of events.sort((a, b) => a.atMs - b.atMs)) {
        page.atMs = atMs
        page.key(type, key, { code, target })
        // The text of a field is of the key's making; its length is the same.
        if (type === 'keydown' && target !== undefined) target['value'] += [...key][0] ?? ''
      }
      page.atMs = 300_000
      await page.pass(5000)
      return Buffer.concat(page.received.map(({ bytes }) => bytes)).toString('hex')
    }
    let texts = 0
    await fc.assert(
      fc.asyncProperty(fc.array(stroke, { maxLength: 40 }), shifts, async (strokes, turned) => {
        const sent = await typed(
          strokes,
          CLASSES.map(() => 0),
        )
        assert.equal(await typed(strokes, turned), sent)
        if (sent !== '') texts++
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(texts > RUNS / 2)
  })

  it('says so when the class is another', async () => {
    const bytesOf = async (key: string) => {
      const page = await consented()
      page.stroke(key, 90)
      await page.pass(5000)
      return page.received[0]?.bytes
    }
    assert.deepEqual(await bytesOf('a'), await bytesOf('q'))
    assert.notDeepEqual(await bytesOf('a'), await bytesOf('1'))
  })
})

describe('missing data', () => {
  const marksOf = async (
    act: (page: PageUnderTest, field: ReturnType<typeof fieldUnderTest>) => void,
  ) => {
    const field = fieldUnderTest()
    const page = await consented([field])
    page.atMs = 5000
    act(page, field)
    await page.pass(10_000)
    return page.records.map((one) => (one.kind === 'mark' ? `${one.mark} ${one.field}` : one.kind))
  }
  const input = (page: PageUnderTest, target: ReturnType<typeof fieldUnderTest>, more: object) => {
    target['value'] = 'filled'
    page.fire('input', { target, ...more })
  }

  it('autofill: by the browser, by a script with an event, and without one', async () => {
    assert.deepEqual(await marksOf((page, field) => input(page, field, {})), ['autofill 1'])
    // As Chromium does it.
    const betweenKeys = await marksOf((page, target) => {
      page.fire('keydown', { target })
      input(page, target, {})
      page.fire('keyup', { target })
    })
    assert.deepEqual(betweenKeys, ['autofill 1'])
    const byScript = (page: PageUnderTest, field: ReturnType<typeof fieldUnderTest>) =>
      input(page, field, { isTrusted: false, inputType: 'insertText' })
    assert.deepEqual(await marksOf(byScript), ['autofill 1'])
    const silent = await marksOf((page, field) => {
      field['value'] = 'filled'
      page.fire('focusin', { target: field })
      page.fire('focusout', { target: field })
    })
    assert.deepEqual(silent, ['autofill 1'])
  })

  it('paste and drop, without the shortcut that did it', async () => {
    for (const inputType of ['insertFromPaste', 'insertFromDrop']) {
      const marks = await marksOf((page, field) => input(page, field, { inputType }))
      assert.deepEqual(marks, ['paste 1'])
    }
  })

  it('input methods and keyboards on the screen', async () => {
    const composed = await marksOf((page, target) => {
      page.fire('compositionstart', { target })
      page.stroke('k', 90, { target, isComposing: true })
      page.stroke('Process', 90, { target, keyCode: 229 })
      input(page, target, { inputType: 'insertCompositionText' })
    })
    assert.deepEqual(composed, ['ime 1'])
    const onScreen = await marksOf((page, target) => {
      page.stroke('Unidentified', 90, { target, keyCode: 229 })
      input(page, target, { inputType: 'insertText' })
    })
    assert.deepEqual(onScreen, ['virtual-keyboard 1'])
    const dictated = await marksOf((page, field) => input(page, field, { inputType: 'insertText' }))
    assert.deepEqual(dictated, ['virtual-keyboard 1'])
  })

  it('what a page adds to what was typed is none', async () => {
    const marks = await marksOf((page, target) => {
      page.key('keydown', '7', { target })
      input(page, target, { inputType: 'insertText' })
      target['value'] = '7 filled'
      page.key('keyup', '7', { target })
    })
    assert.deepEqual(marks, ['key'])
  })

  it('text that keys typed is none', async () => {
    const marks = await marksOf((page, target) => {
      page.key('keydown', 'a', { target })
      input(page, target, { inputType: 'insertText' })
      page.key('keyup', 'a', { target })
    })
    assert.deepEqual(marks, ['key'])
  })

  it('clicks of screen readers; not those of keys and hands', async () => {
    const click = (page: PageUnderTest) => page.fire('click', { detail: 0 })
    assert.deepEqual(await marksOf(click), ['assistive 0'])
    const byKey = await marksOf((page) => {
      page.stroke('Enter', 60)
      click(page)
    })
    assert.deepEqual(byKey, ['key'])
    const byHand = await marksOf((page) => {
      page.fire('pointerdown', { pointerType: 'touch' })
      click(page)
    })
    assert.deepEqual(byHand, [])
  })

  it('keyboards without a pointer', async () => {
    const tabs = (page: PageUnderTest) => {
      for (let i = 0; i < 6; i++) page.stroke('Tab', 50)
    }
    assert.ok((await marksOf(tabs)).includes('keyboard-only 0'))
    const withPointer = await marksOf((page) => {
      page.fire('pointermove', { pointerType: 'mouse', clientX: 1, clientY: 1 })
      tabs(page)
    })
    assert.ok(!withPointer.includes('keyboard-only 0'))
  })

  it('hidden pages, for how long; the batch goes at once', async () => {
    const page = await consented()
    page.stroke('a', 90)
    page.document['visibilityState'] = 'hidden'
    page.fire('visibilitychange')
    await page.pass(0)
    assert.equal(page.received.length, 1)
    page.atMs += 7000
    page.document['visibilityState'] = 'visible'
    page.fire('visibilitychange')
    await page.pass(5000)
    const mark = { kind: 'mark', atMs: 1090, mark: 'hidden', field: 0, amount: 7000 }
    assert.deepEqual(page.records.slice(1), [mark])
  })

  it('clocks that jump', async () => {
    const page = await consented()
    page.stroke('a', 90)
    page.wallMs -= 3_600_000
    await page.pass(5000)
    const [, mark] = page.records
    assert.ok(mark?.kind === 'mark' && mark.mark === 'clock-jump')
    assert.equal(mark.amount, 3_600_000)
  })

  it('events that scripts made are counted, and nothing else', async () => {
    const page = await consented()
    for (let i = 0; i < 50; i++) {
      page.stroke('a', 90, { isTrusted: false })
      const at = { pointerType: 'mouse', clientX: 9 * i, clientY: i, isTrusted: false }
      page.fire('pointermove', at)
    }
    await page.pass(5000)
    const [mark, ...others] = page.records
    assert.ok(mark?.kind === 'mark' && mark.mark === 'synthetic')
    assert.equal(mark.amount, 150)
    assert.deepEqual(others, [])
  })

  it('times that are none are left out', async () => {
    const page = await consented()
    for (const timeStamp of [Number.NaN, Number.POSITIVE_INFINITY]) {
      page.stroke('a', 90, { timeStamp })
      const at = { pointerType: 'mouse', clientX: 1, clientY: 1, button: 0, timeStamp }
      for (const type of ['pointermove', 'pointerdown', 'pointerup']) page.fire(type, at)
    }
    await page.pass(10_000)
    assert.deepEqual(page.records, [])
  })
})

describe('pointers', () => {
  const mouse = { pointerType: 'mouse', button: 0 }

  it('a path is told by equal steps, as differences; what is short or jumps is not', async () => {
    const page = await consented()
    for (let i = 0; i <= 40; i++) {
      page.fire('pointermove', { ...mouse, clientX: 500 + 3 * i, clientY: 200 - i })
      page.atMs += 10
    }
    page.fire('pointermove', { ...mouse, clientX: 9000, clientY: 0 })
    page.atMs += 5000
    await page.pass(5000)
    const step = { dx: 30, dy: -10 }
    const path = { kind: 'path', atMs: 1000, dx: 500, dy: 200, steps: [step, step, step, step] }
    assert.deepEqual(page.records, [path])
  })

  it('a click and a drag follow from where the path was', async () => {
    const page = await consented()
    const at = (type: string, x: number) => {
      page.fire(type, { ...mouse, clientX: x, clientY: 0 })
      page.atMs += 100
    }
    for (const x of [10, 20, 30, 40]) at('pointermove', x)
    at('pointerdown', 45)
    for (const x of [50, 60, 70]) at('pointermove', x)
    at('pointerup', 75)
    await page.pass(10_000)
    const told = page.records.map((one) => {
      const steps = 'steps' in one ? one.steps.map(({ dx }) => dx) : []
      return [one.kind, one.atMs, 'dx' in one ? one.dx : 0, ...steps]
    })
    assert.deepEqual(told, [
      ['path', 1000, 10, 10, 10, 10],
      ['press', 1400, 5],
      ['path', 1400, 0, 5, 10, 10],
      ['release', 1800, 5],
    ])
  })

  it('goes on over two batches', async () => {
    const page = await consented()
    for (let i = 0; i < 100; i++) {
      page.fire('pointermove', { ...mouse, clientX: i * 10, clientY: 0 })
      await page.pass(100)
    }
    await page.pass(10_000)
    let [x, atMs] = [0, 900]
    assert.ok(page.received.length >= 2)
    for (const one of page.records) {
      assert.ok(one.kind === 'path')
      assert.equal(one.atMs, atMs + 100)
      assert.equal(one.dx, x === 0 ? 0 : 10)
      x += one.dx
      for (const { dx } of one.steps) x += dx
      atMs = one.atMs + 100 * one.steps.length
    }
    assert.equal(x, 990)
  })

  it('two fingers: how many, how large, how hard, how fast', async () => {
    const page = await consented()
    const touch = (identifier: number, x: number) => ({
      ...{ identifier, clientX: x, clientY: 300, radiusX: 11, radiusY: 12, force: 0.5 },
    })
    const fire = (type: string, touches: object[], changedTouches: object[]) =>
      page.fire(type, { touches, changedTouches })
    const [a, b] = [touch(7, 100), touch(9, 200)]
    fire('touchstart', [a], [a])
    page.atMs += 10
    fire('touchstart', [a, b], [b])
    page.atMs += 90
    const [a2, b2] = [touch(7, 82), touch(9, 218)]
    fire('touchmove', [a2, b2], [a2, b2])
    page.atMs += 20
    fire('touchend', [], [a2, b2])
    await page.pass(5000)
    const rest = { kind: 'contact', pen: false, continued: false, size: 23, pressure: 128, dy: 0 }
    assert.deepEqual(page.records, [
      {
        ...{ ...rest, atMs: 1000, fingers: 1, dx: 100, dy: 300, restMs: 20 },
        steps: [
          { dx: -9, dy: 0 },
          { dx: -9, dy: 0 },
        ],
      },
      { ...rest, atMs: 1010, fingers: 2, dx: 100, steps: [{ dx: 10, dy: 0 }], restMs: 60 },
    ])
  })

  it('a pen; what the browser tells of it as a touch is left out', async () => {
    const page = await consented()
    const pen = { pointerType: 'pen', width: 2, height: 2, pressure: 0.25 }
    page.fire('pointerdown', { ...pen, clientX: 0, clientY: 0 })
    const changedTouches = [{ identifier: 1, clientX: 0, clientY: 0 }]
    page.fire('touchstart', { touches: changedTouches, changedTouches })
    for (let i = 1; i <= 1000; i++) {
      page.atMs += 20
      page.fire('pointermove', { ...pen, clientX: i, clientY: 0 })
    }
    page.fire('pointerup', { ...pen, clientX: 1000, clientY: 0 })
    await page.pass(5000)
    assert.deepEqual(
      page.records.map((one) => one.kind === 'contact' && [one.pen, one.continued, one.pressure]),
      [
        [true, false, 64],
        [true, true, 64],
      ],
    )
    const steps = page.records.flatMap((one) => ('steps' in one ? one.steps : []))
    assert.equal(steps.length, 399)
  })

  it('scrolling by hand is told, that of scripts is not', async () => {
    const page = await consented()
    const element = page.document['scrollingElement'] as { scrollTop: number }
    const scroll = (scrollTop: number) => {
      element.scrollTop = scrollTop
      page.fire('scroll', { target: page.document })
    }
    scroll(5000)
    page.fire('wheel')
    for (const at of [5030, 5060, 5090, 5120]) {
      page.atMs += 40
      scroll(at)
    }
    await page.pass(5000)
    assert.deepEqual(page.records, [
      { kind: 'scroll', atMs: 1040, dx: 0, dy: 90 },
      { kind: 'scroll', atMs: 1160, dx: 0, dy: 30 },
    ])
  })
})

describe('sending', () => {
  it('one token for one batch, in sequence, no more often than the site wants', async () => {
    const page = await consented()
    for (let i = 0; i < 4; i++) {
      page.stroke('a', 90)
      await page.pass(4910)
    }
    await page.pass(60_000)
    const told = page.received.map(({ envelope }) => [envelope.sequence, envelope.token[0]])
    assert.deepEqual(told, [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ])
    assert.deepEqual(page.requests, ['GET', 'POST', 'POST', 'POST', 'POST'])
    assert.deepEqual([...new Set(page.received.map((one) => one.envelope.page))], [0xabcdef01])
  })

  it('a password is not cut in two; who never ends is not waited for', async () => {
    const target = fieldUnderTest({ secret: true })
    const page = await consented([target])
    await page.pass(4000)
    for (let i = 0; i < 10; i++) {
      page.stroke('a', 90, { target })
      await page.pass(400)
    }
    await page.pass(5000)
    assert.deepEqual(
      page.received.map(({ batch }) => batch.records.length),
      [10],
    )
    for (let i = 0; i < 100; i++) {
      page.stroke('a', 90, { target })
      await page.pass(400)
    }
    assert.ok(page.received.length >= 3)
  })

  it('a page that is left says the rest by a beacon', async () => {
    const page = await consented()
    page.key('keydown', 'a')
    page.fire('pagehide')
    await page.pass(10)
    assert.deepEqual(
      page.received.map(({ byBeacon, batch }) => [byBeacon, batch.records.length]),
      [[true, 1]],
    )
  })

  it('a refused token: another, and the same batch once more; then it is gone', async () => {
    const page = await consented()
    page.statuses.push(401)
    page.stroke('a', 90)
    await page.pass(60_000)
    assert.deepEqual(page.requests, ['GET', 'POST', 'GET', 'POST'])
    assert.equal(page.received[0]?.envelope.sequence, 0)
    page.statuses.push(403, 403)
    page.stroke('b', 90)
    await page.pass(60_000)
    page.stroke('c', 90)
    await page.pass(60_000)
    assert.deepEqual(
      page.received.map((one) => one.envelope.sequence),
      [0, 2],
    )
  })

  it('a site that is busy or away is asked less and less often, and gets what was kept', async () => {
    const page = await consented()
    page.statuses.push(503, 0, 500, 429)
    page.stroke('a', 90)
    await page.pass(5000 + 10_000 + 20_000 + 40_000 - 1000)
    assert.equal(page.requests.filter((one) => one === 'POST').length, 3)
    await page.pass(200_000)
    assert.deepEqual(
      page.received.map((one) => [one.envelope.sequence, one.batch.records.length]),
      [[0, 1]],
    )
  })

  it('a site that says when to come again is heeded', async () => {
    const page = await consented()
    page.statuses.push(503)
    page.retryAfter = '120'
    page.stroke('a', 90)
    await page.pass(5000 + 119_000)
    assert.deepEqual(page.requests, ['GET', 'POST'])
    await page.pass(5000)
    assert.deepEqual(page.requests, ['GET', 'POST', 'GET', 'POST'])
    assert.equal(page.received.length, 1)
  })

  it('a batch that is refused is forgotten', async () => {
    const page = await consented()
    page.statuses.push(400)
    page.stroke('a', 90)
    await page.pass(5000)
    page.stroke('b', 90)
    await page.pass(30_000)
    assert.deepEqual(
      page.received.map((one) => one.envelope.sequence),
      [1],
    )
  })

  it('404 or off: all ends', async () => {
    const page = await consented()
    page.statuses.push(404)
    page.stroke('a', 90)
    await page.pass(5000)
    assert.deepEqual([page.behavior.mode, page.listeners], ['off', 0])
    await page.pass(600_000)
    assert.deepEqual(page.requests, ['GET', 'POST'])
  })

  it('memory has a bound: the oldest go, and are counted', async () => {
    const page = await consented()
    const STROKES = 5000
    for (let i = 0; i < STROKES; i++) {
      page.stroke('a', 70)
      page.atMs += 30
    }
    await page.pass(5000)
    const [{ batch, bytes } = assert.fail()] = page.received
    assert.ok(bytes.length < 16_384)
    const last = batch.records.at(-1)
    assert.ok(last?.kind === 'mark' && last.mark === 'dropped')
    assert.equal(last.amount + batch.records.length - 1, STROKES)
    assert.equal(batch.records.at(-2)?.atMs, 1000 + 100 * (STROKES - 1))
  })
})
