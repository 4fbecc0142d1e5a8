/** Sends a burst of requests and shows which server answered each. */
const REQUESTS = 30
const answers = document.querySelector('[data-answers]')
const summary = document.querySelector('[data-summary]')
const buttons = [...document.querySelectorAll('[data-spread]')]

for (const button of buttons) {
  button.addEventListener('click', () => void burst(button.dataset.spread))
}

async function burst(credentials) {
  for (const button of buttons) button.disabled = true
  answers.replaceChildren()
  const counts = new Map()
  const began = performance.now()
  for (let index = 0; index < REQUESTS; index += 1) {
    const server = await ask(credentials)
    counts.set(server, (counts.get(server) ?? 0) + 1)
    const item = document.createElement('li')
    item.textContent = server
    item.className = `server-${server}`
    answers.append(item)
  }
  const parts = [...counts].sort().map(([server, count]) => `${server} ${count}`)
  const each = ((performance.now() - began) / REQUESTS).toFixed(1)
  summary.textContent = `${parts.join(', ')}; ${each} ms each.`
  for (const button of buttons) button.disabled = false
}

async function ask(credentials) {
  try {
    const response = await fetch('/api/time', { credentials, cache: 'no-store' })
    return (await response.json()).server
  } catch {
    return '?'
  }
}
