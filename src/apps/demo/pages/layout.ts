/**
 * The frame of every page: head, navigation, and who sent it.
 *
 * @module
 */
import { type Html, html } from '../html.ts'

export interface PageParts {
  readonly title: string
  readonly server: string
  /** Path of the page, to mark it in the navigation. */
  readonly path: string
  readonly main: Html
  /** File names under /static. */
  readonly scripts?: readonly string[]
}

const NAVIGATION: readonly (readonly [path: string, label: string])[] = [
  ['/', 'You'],
  ['/live', 'Live echo'],
  ['/form', 'Form'],
  ['/behavior', 'Behavior'],
  ['/members', 'Members'],
]

export function page(parts: PageParts): Html {
  const scripts = parts.scripts ?? []
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${parts.title} · Limen demo</title>
<link rel="icon" href="/static/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/site.css">
${scripts.map((name) => html`<script type="module" src="/static/${name}"></script>`)}
</head>
<body>
<header class="top">
<a class="brand" href="/"><img src="/static/mark.svg" alt="" width="28" height="28">Limen demo</a>
<nav aria-label="Pages">${NAVIGATION.map(([path, label]) => link(path, label, parts.path))}</nav>
</header>
<main>${parts.main}</main>
<footer>
<p>Sent by <strong>server ${parts.server}</strong>, one of three small servers behind Limen.</p>
</footer>
</body>
</html>
`
}

function link(path: string, label: string, current: string): Html {
  return path === current
    ? html`<a href="${path}" aria-current="page">${label}</a>`
    : html`<a href="${path}">${label}</a>`
}
