// A Chromium that finds the server under test at the address that its pages name.
import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import axe from 'axe-core'
import { chromium } from 'playwright-core'

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export const launch = (hosts = '') => {
  const executablePath = PLACES.find((path) => path && existsSync(path))
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb']
  if (hosts) args.push(`--host-resolver-rules=MAP ${hosts}`)
  return chromium.launch({ executablePath, args })
}

// Notes what the pages at this address object to, and waits long enough for a machine with much else to do. What a page fetches elsewhere
// is told late, when the browser may have come back to ours: the place that it is told of counts, not the page that is shown.
export const watch = (page, url, found, name = '') => {
  page.setDefaultTimeout(30_000)
  page.on('console', (m) => {
    if (m.type() === 'error' && m.location().url.startsWith(url) && !/status of 4\d\d/.test(m.text())) found.push(`${name}${m.location().url}: ${m.text()}`)
  })
  page.on('pageerror', (e) => found.push(`${name}${page.url()}: ${e}`))
}

// Notes what axe objects to on the page that is there, once all of it is, and whether it is wider than the screen.
export const look = async (page, found, name) => {
  await page.waitForLoadState()
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate(() => globalThis.axe.run())
  for (const v of violations) {
    for (const node of v.nodes) found.push(`${name}: ${v.id} (${v.help}): ${node.html.slice(0, 160)} ${node.any.map((a) => a.message).join(' ')}`)
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  if (wide) found.push(`${name}: wider than the screen`)
}

export const PHONE = { width: 390, height: 844 }
export const DESK = { width: 1200, height: 860 }

// Signs in as a person does: the address, then the password.
export const signIn = async (page, { url, email, password }) => {
  await page.goto(`${url}/sign-in`)
  await page.fill('#email', email)
  await page.click('main button')
  await page.fill('#password', password)
  await page.click('main button')
  await page.waitForURL(`${url}/account`)
}

// What an authenticator app shows that was given this secret (RFC 6238).
export const appCode = (secret, seconds) => {
  const bits = [...secret.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)))
  const tag = createHmac('sha1', seed).update(step).digest()
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff
  return String(number % 1e6).padStart(6, '0')
}
