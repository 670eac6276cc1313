/* The API key of a page that was opened by `#key=…`, as the QR code of `antiphase serve --lan` does: what
   stands behind # is never sent to a server, and it is taken out of the address at once. */

import { request } from "./anc-client.js";

const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  sessionStorage.setItem("api-key", given);
  history.replaceState(null, "", location.pathname);
}

/** "" where the page was opened without one. */
export const apiKey = sessionStorage.getItem("api-key") ?? "";

/** Shows the code that leads a phone to this page, where it is served to other machines. */
export async function showPhoneCode(image, card) {
  if (location.protocol !== "https:") return;
  const svg = await (await request(location.origin, apiKey, "GET", "/join.svg")).text();
  image.src = `data:image/svg+xml;base64,${btoa(svg)}`;
  card.hidden = false;
}

/** A token to join a session with these roles; "" where no key is needed. @returns {Promise<string>} */
export async function joinToken(session, roles) {
  if (!apiKey) return "";
  const path = `/sessions/${encodeURIComponent(session)}/tokens`;
  const response = await request(location.origin, apiKey, "POST", path, JSON.stringify({ roles }));
  return (await response.json()).token;
}
