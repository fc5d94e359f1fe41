// An application sends somebody here to be signed in, in a real browser: forms of ours lead to it through redirects, which the
// Content-Security-Policy must not stop, and axe objects to no page on the way. What is wrong is printed, one finding a line.
// Standard input: {"url", "hosts", "email", "password", "ask" (requests of one's own application and of another's), "device", "userCode"}.
import { createServer } from 'node:http'
import { DESK, PHONE, launch, look, watch } from './browser.mjs'

const given = JSON.parse(await new Response(process.stdin).text())
const { url } = given
// the application: a program on this device, at the port that was free
const server = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<title>The application</title>'))
await new Promise((listens) => server.listen(0, '127.0.0.1', listens))
const { port } = server.address()
const callback = `http://127.0.0.1:${port}/callback`
const ask = (request) => request.replace('127.0.0.1%2Fcallback', `127.0.0.1%3A${port}%2Fcallback`)
const browser = await launch(given.hosts)
const found = []

const arrived = async (page, name) => {
  try {
    await page.waitForURL((at) => String(at).startsWith(callback))
  } catch {
    found.push(`${name}: ended at ${page.url()}`)
    return
  }
  const query = new URL(page.url()).searchParams
  if (!query.get('code') || !query.get('iss')) found.push(`${name}: ${page.url()}`)
}

for (const viewport of [DESK, PHONE]) {
  const context = await browser.newContext({ viewport })
  await context.route('https://app.example.com/**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>The application</title>' }))
  const page = await context.newPage()
  watch(page, url, found)
  const as = (name) => `${name} (${viewport.width})`

  await page.goto(ask(given.ask.own))
  await look(page, found, as('signing in'))
  await page.fill('#email', given.email)
  await page.click('main button')
  await page.fill('#password', given.password)
  await page.click('main button')
  // a program on this device is let in by its person only, each time
  await page.waitForSelector('button[value=allow]')
  await look(page, found, as('consent to a program'))
  await page.click('button[value=allow]')
  await arrived(page, as('after signing in'))
  await page.goto(ask(given.ask.own))
  await page.click('button[value=allow]')
  await arrived(page, as('signed in already'))

  await page.goto(ask(given.ask.other))
  await look(page, found, as('consent'))
  await page.click('button[value=allow]')
  await arrived(page, as('after consent'))

  await page.goto(`${url}/account/applications`)
  await look(page, found, as('applications'))
  await page.goto(`${url}${given.device}`)
  await look(page, found, as('device'))
  if (viewport === DESK) {
    await page.fill('#user_code', given.userCode)
    await page.click('main button')
    await look(page, found, as('a device to confirm'))
    await page.click('button[value=allow]')
    await page.waitForURL(/device_allowed/)
    await look(page, found, as('a device that was confirmed'))
  }
  await page.goto(given.leave)
  await look(page, found, as('signing out'))
  await page.click('main button')
  try {
    await page.waitForURL((at) => String(at).startsWith(given.bye))
  } catch {
    found.push(`${as('after signing out')}: ended at ${page.url()}`)
  }
  await context.close()
}
await browser.close()
server.close()
for (const finding of found) console.log(finding)
console.log(`${found.length} findings`)
process.exit(found.length ? 1 : 0)
