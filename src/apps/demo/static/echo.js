/** Talks to the WebSocket echo: one line per message, with its round trip. */
const LINES_MAX = 200
const RETRY_MS = 2000
const state = document.querySelector('[data-state]')
const form = document.querySelector('[data-form]')
const log = document.querySelector('[data-log]')
const button = form.querySelector('button')
/** When each message that has not come back was sent; the echo keeps their order. */
let sentAt = []
let socket

connect()
form.addEventListener('submit', (event) => {
  event.preventDefault()
  const text = form.elements.text.value
  if (text === '' || socket.readyState !== WebSocket.OPEN) return
  sentAt.push(performance.now())
  socket.send(text)
  form.reset()
})

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  socket = new WebSocket(`${scheme}://${location.host}/ws`)
  sentAt = []
  socket.addEventListener('open', () => show('open'))
  socket.addEventListener('close', () => {
    show('closed')
    setTimeout(connect, RETRY_MS)
  })
  socket.addEventListener('message', (event) => {
    const began = sentAt.shift()
    write(
      String(event.data),
      began === undefined ? '' : `${(performance.now() - began).toFixed(1)} ms`,
    )
  })
}

function show(name) {
  state.textContent = name
  state.className = `state ${name}`
  button.disabled = name !== 'open'
}

function write(text, took) {
  const item = document.createElement('p')
  const [words, time] = [document.createElement('span'), document.createElement('time')]
  words.textContent = text
  time.textContent = took
  item.append(words, time)
  log.append(item)
  if (log.children.length > LINES_MAX) log.firstElementChild.remove()
  log.scrollTop = log.scrollHeight
}
