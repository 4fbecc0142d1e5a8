/** Collects behavior while the switch is on, shows what the edge makes of it, and lets one draw. */
const SCRIPT = '/.well-known/limen/behavior.js'
const ME = '/.well-known/limen/behavior/me'
const ASK_MS = 3000
const find = (name) => document.querySelector(`[data-${name}]`)
const [consent, state, drawing, clear, form] = ['consent', 'state', 'drawing', 'clear', 'form'].map(
  find,
)
let behavior
let timer

consent.disabled = false
consent.addEventListener('change', () => void choose())
form.addEventListener('submit', (event) => {
  event.preventDefault()
  void logIn(form.elements.user.value)
})
draw()

/** The password stays here. */
async function logIn(user) {
  form.reset()
  const sent = find('sent')
  try {
    const answer = await fetch('/behavior', { method: 'POST', body: new URLSearchParams({ user }) })
    if (!answer.ok) throw new Error(`The site answers ${answer.status}`)
    sent.textContent = `You are ${user} now. The password was not sent.`
  } catch {
    sent.textContent = 'The site did not answer. Please try again.'
  }
}

async function choose() {
  clearInterval(timer)
  if (!consent.checked) {
    behavior?.withdraw()
    state.textContent = 'Nothing is collected any more.'
    return
  }
  state.textContent = 'Asking the edge.'
  try {
    const { openBehavior } = await import(SCRIPT)
    behavior ??= openBehavior()
    const mode = await behavior.consent()
    if (mode === 'off') return refuse('The edge does not want it, or the connection is not secure.')
    state.textContent =
      mode === 'profile'
        ? 'Typing and pointing is looked at.'
        : 'Looked at to tell people from programs; no profile is kept.'
  } catch {
    return refuse('The edge of this site does not collect behavior.')
  }
  timer = setInterval(() => void show(), ASK_MS)
  await show()
}

function refuse(why) {
  consent.checked = false
  state.textContent = `${why} Nothing is collected.`
}

async function show() {
  try {
    const response = await fetch(ME, { cache: 'no-store' })
    if (!response.ok) throw new Error(`The edge answers ${response.status}`)
    const { tier, score, confidence, reasons } = await response.json()
    find('tier').textContent = String(tier)
    find('tier').className = `tier tier-${Number(tier)}`
    find('score').textContent = rounded(score)
    find('confidence').textContent = rounded(confidence)
    find('reasons').textContent = reasons?.length > 0 ? reasons.join(', ') : 'none'
  } catch {
    find('score').textContent = 'not known'
  }
}

function rounded(value) {
  return typeof value === 'number' ? value.toFixed(2) : 'not yet'
}

function draw() {
  const pen = drawing.getContext('2d')
  let from
  const place = ({ offsetX, offsetY }) => {
    const scale = drawing.width / drawing.clientWidth
    return [offsetX * scale, offsetY * scale]
  }
  drawing.addEventListener('pointerdown', (event) => {
    from = place(event)
    clear.disabled = false
  })
  for (const type of ['pointerup', 'pointercancel', 'pointerleave']) {
    drawing.addEventListener(type, () => {
      from = undefined
    })
  }
  drawing.addEventListener('pointermove', (event) => {
    if (from === undefined) return
    const to = place(event)
    pen.strokeStyle = getComputedStyle(drawing).color
    pen.lineWidth = 3
    pen.lineCap = 'round'
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(...to)
    pen.stroke()
    from = to
  })
  clear.addEventListener('click', () => {
    pen.clearRect(0, 0, drawing.width, drawing.height)
    clear.disabled = true
  })
}
