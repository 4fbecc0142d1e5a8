import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html } from './html.ts'

test('html escapes every plain value, in text and in attributes', () => {
  const hostile = `"><script>alert('1')</script>&`
  assert.equal(
    String(html`<p title="${hostile}">${hostile}</p>`),
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;">' +
      '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;</p>',
  )
})

test('html keeps nested markup and joins lists', () => {
  assert.equal(
    String(html`<ul>${['<a', 2].map((item) => html`<li>${item}</li>`)}</ul>${undefined}`),
    '<ul><li>&lt;a</li><li>2</li></ul>',
  )
})
