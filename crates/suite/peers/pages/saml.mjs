// A sign-in at a SAML provider in a real browser: from the button to the account, over the provider's page on another site, whose form
// posts the response; and one that begins at the provider. What is wrong is printed, one finding a line.
// Standard input: {"url", "hosts", "email", "there"}.
import { DESK, launch, look, watch } from './browser.mjs'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const given = JSON.parse(Buffer.concat(chunks))
const { url } = given
const browser = await launch(given.hosts)
const found = []

const visit = async (name, begin) => {
  const context = await browser.newContext({ viewport: DESK })
  const page = await context.newPage()
  watch(page, url, found, `${name}: `)
  try {
    const ends = await begin(page)
    if (new URL(page.url()).origin === new URL(url).origin) found.push(`${name}: the browser never left`)
    await page.click('button[name=continue]')
    await page.waitForURL(`${url}${ends}`)
    const text = await page.textContent('body')
    if (ends === '/account' && !text.includes('Ada Lovelace & Co')) found.push(`${name}: the account is nobody's: ${text.slice(0, 400)}`)
    await page.goto(`${url}/account`)
    if (!(await page.textContent('body')).includes(given.email)) found.push(`${name}: nobody is signed in`)
    const kept = (await context.cookies()).map((c) => c.name)
    if (kept.some((c) => c.includes('sign_in')) || !kept.some((c) => c.includes('session'))) found.push(`${name}: cookies ${kept}`)
  } catch (e) {
    found.push(`${name}: ${page.url()}: ${e}: ${(await page.textContent('body').catch(() => ''))?.slice(0, 400)}`)
  }
  await context.close()
}

await visit('from the page', async (page) => {
  await page.goto(`${url}/sign-in?return_to=/account/keys`)
  await page.fill('#email', given.email)
  await page.click('main button')
  await look(page, found, 'providers')
  await page.click('text=Sign in with Real')
  await page.waitForSelector('button[name=continue]')
  return '/account/keys'
})
await visit('from the provider', async (page) => {
  await page.goto(given.there)
  return '/account'
})

await browser.close()
for (const line of found) console.log(line)
process.exit(found.length ? 1 : 0)
