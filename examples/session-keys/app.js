// An ordinary Fastify app. Limen in front of it lets nobody in without a session key, and says who asks.
import Fastify from 'fastify'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const { PORT = '3000', LIMEN = 'https://localhost:8443' } = process.env
const keys = createRemoteJWKSet(new URL('/.well-known/limen/jwks.json', LIMEN))
const app = Fastify()

app.addHook('preHandler', async (request, reply) => {
  const checks = { issuer: 'limen', audience: new URL(LIMEN).hostname }
  const said = await jwtVerify(request.headers['limen-assertion'] ?? '', keys, checks).catch(() => {})
  if (said === undefined) return reply.code(401).send({ error: 'Ask by way of Limen' })
  request.who = said.payload
})
app.get('/', (request, reply) =>
  reply.type('text/html').send(`<h1>Hello</h1><p>You are session ${request.who.sid}.</p>`),
)
app.get('/api/me', ({ who }) => ({ session: who.sid, generation: who.gen, user: who.sub ?? null }))
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
