// A real OpenID provider for the tests (npm's oidc-provider), on loopback. Whoever types a login is that subject, with
// claims that would make them master of everything if anybody read them. Prints its issuer once it listens.
//   node tests/oidc_provider.mjs REDIRECT_ADDRESS CLIENT_ID CLIENT_SECRET
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [redirectAddress, clientId, clientSecret] = process.argv.slice(2);
const BOASTS = {
  roles: ["administrator", "chair"],
  groups: ["riskmap-admins"],
  admin: true,
  email: "chair@town.example",
  email_verified: true,
  preferred_username: "chair",
};

const server = createServer((request, response) => handle(request, response));
let handle = (_request, response) => response.writeHead(503).end();

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectAddress] }],
    claims: { openid: ["sub", ...Object.keys(BOASTS)] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...BOASTS }) }),
    pkce: { required: () => true },
  });
  handle = provider.callback();
  process.stdout.write(`${issuer}\n`);
});
