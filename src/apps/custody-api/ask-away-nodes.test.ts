import assert from 'node:assert/strict'
import { it } from 'node:test'
import { memoryCluster } from '../../../test/custody-nodes.ts'
import { askAwayNodes } from './ask-away-nodes.ts'

it('askAwayNodes() finds out when nodes are back, asking each once a second', async () => {
  const cluster = await memoryCluster(3)
  const { links } = cluster.client
  const asked: string[] = []
  let isBack = false
  cluster.between = async (to, _request, pass) => {
    asked.push(to.id)
    return to.id === 'n1' || isBack ? await pass() : 'away'
  }
  const away = () => links.nodes.flatMap(({ id, health }) => (health.isAway ? [id] : []))
  const list = (i: number) => links.nodes[i]?.ask('list', new Uint8Array(16), 0, new Map(), 1000)
  // So often that they are away for longer than this test takes.
  for (let i = 0; i < 8; i++) await Promise.all([list(0), list(1), list(2)])
  assert.deepEqual(away(), ['n2', 'n3'])
  let now = 0
  const askAway = askAwayNodes(links, { now: () => now })
  isBack = true
  asked.length = 0
  for (let i = 0; i < 10; i++) askAway()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(asked, ['n2', 'n3'])
  assert.deepEqual(away(), [])
  now = 1000
  askAway()
  assert.equal(asked.length, 2)
})
