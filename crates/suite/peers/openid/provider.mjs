// A real OpenID provider, and the browser of whoever signs in there. The first line of the standard input says who the client is and
// what time it is; each line after it is a place where the browser is sent, and who signs in there. Each answer is a line. A browser that
// comes by itself is shown the provider's own pages, where one of these people signs in.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const given = JSON.parse((await lines.next()).value);

// the suite's clock stands where it was set; tokens are made at its time
const System = Date;
const ahead = given.now * 1000 - System.now();
globalThis.Date = class extends System {
  constructor(...when) { when.length ? super(...when) : super(System.now() + ahead); }
  static now() { return System.now() + ahead; }
};
// the standard output is what the test reads
console.info = console.log = console.warn = console.error;
const { default: Provider } = await import('oidc-provider');

const http = createServer();
await new Promise((ready) => http.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${http.address().port}`;
const people = new Map(Object.entries(given.people));
const key = (type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig' });
const provider = new Provider(issuer, {
  clients: [{
    client_id: given.client_id,
    client_secret: given.client_secret,
    redirect_uris: given.redirect_uris,
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: given.auth_method,
    id_token_signed_response_alg: given.alg,
  }],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' })] },
  cookies: { keys: ['of-the-suite'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA', 'PS256'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'], groups: ['groups'] },
  conformIdTokenClaims: given.claims_at_userinfo,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
});
const answer = provider.callback();
http.on('request', (request, response) => {
  // a real browser has a clock of its own: what the provider leaves there stays until it is taken back
  const set = response.setHeader.bind(response);
  const kept = (cookie) => cookie.replace(/; expires=(?!Thu, 01 Jan 1970)[^;]*/i, '');
  response.setHeader = (name, value) => set(name, name.toLowerCase() === 'set-cookie' ? [value].flat().map(kept) : value);
  answer(request, response);
});

// Follows the browser from there until it would leave the provider.
async function signIn({ url, sub, claims, abort }) {
  people.set(sub, claims);
  const cookies = new Map();
  let next = { url, method: 'GET' };
  for (let step = 0; step < 20; step++) {
    const answer = await fetch(next.url, {
      method: next.method,
      body: next.body,
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      value ? cookies.set(name, value) : cookies.delete(name);
    }
    const to = answer.headers.get('location');
    if (to) {
      const there = new URL(to, next.url);
      if (there.origin !== issuer) return { location: there.href };
      next = { url: there.href, method: 'GET' };
      continue;
    }
    const page = await answer.text();
    const form = /<form[^>]*action="([^"]+)"/.exec(page);
    if (!form) return { status: answer.status, page };
    const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
    if (abort) next = { url: new URL(/href="([^"]+\/abort)"/.exec(page)[1], next.url).href, method: 'GET' };
    else next = { url: new URL(form[1], next.url).href, method: 'POST', body: new URLSearchParams({ prompt, login: sub, password: 'any' }) };
  }
  return { status: 'it goes round' };
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
say({ issuer });
for await (const line of { [Symbol.asyncIterator]: () => lines }) {
  say(await signIn(JSON.parse(line)).catch((e) => ({ error: String(e) })));
}
process.exit(0);
