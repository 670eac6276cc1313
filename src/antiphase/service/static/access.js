/* What lets this page in where the service asks: an API key (`#key=…`, as in the QR code of `antiphase serve
   --lan`), or the owner's token of a session (`#token=…`), typed or given behind the # of the address. That is
   never sent to a server, and it is taken out of the address at once; both stay in this tab and travel in the
   header of a request alone. */

import { request } from "./anc-client.js";

const KEY = "api-key";
const SESSIONS = "session-tokens";
const RECORDINGS = "recording-tokens";

/** "" where the page has none. */
export let apiKey = sessionStorage.getItem(KEY) ?? "";

const tokensOf = (kind) => JSON.parse(sessionStorage.getItem(kind) ?? "{}");

function keep(kind, id, token) {
  const { [id]: _, ...others } = tokensOf(kind);
  sessionStorage.setItem(kind, JSON.stringify(token ? { ...others, [id]: token } : others));
}

/** What an owner's token is for; null for all that is none. @returns {string | null} */
function ownedBy(word) {
  try {
    const [, claims] = word.split(".");
    const { knd: kind, sid: id } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
    return kind === "owner" ? id : null;
  } catch {
    return null;
  }
}

/** Takes a key or an owner's token. @returns {string | null} the session that it is for, null of a key */
export function take(word) {
  const session = ownedBy(word);
  if (session) {
    keep(SESSIONS, session, word);
  } else {
    apiKey = word;
    sessionStorage.setItem(KEY, word);
  }
  return session;
}

/** Takes what stands behind the # of the address, and takes it out. @returns {boolean} whether there was any */
export function takeFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const word = given.get("key") || given.get("token");
  if (!word) return false;
  const session = take(word);
  history.replaceState(null, "", location.pathname + (session ? `#${session}` : ""));
  return true;
}
takeFromAddress();

/** What a session's owner is known by here; "" where no token is needed, or none is to be had. */
export const sessionToken = (session) => tokensOf(SESSIONS)[session] || apiKey;
export const recordingToken = (recording) => tokensOf(RECORDINGS)[recording] || apiKey;

/** Keeps the token of a recording that was begun here. */
export const ownRecording = (recording, token) => keep(RECORDINGS, recording, token);

/** What the service lists; where it wants a key for that, what there are tokens for. Those that are over are forgotten. */
async function listed(all, kind, place) {
  try {
    return await all();
  } catch (error) {
    const isOwner = [SESSIONS, RECORDINGS].some((each) => Object.keys(tokensOf(each)).length > 0);
    if (error.code !== "401" || !isOwner) throw error;
    const own = Object.entries(tokensOf(kind));
    const rows = await Promise.all(own.map(([id, token]) => one(kind, place, id, token)));
    if (kind === SESSIONS && !rows.some(Boolean)) throw error;
    return rows.filter(Boolean);
  }
}

async function one(kind, place, id, token) {
  try {
    return await (await request(location.origin, token, "GET", `/${place}/${encodeURIComponent(id)}`)).json();
  } catch (error) {
    if (!["401", "403", "404"].includes(error.code)) throw error;
    keep(kind, id, "");
    return null;
  }
}

export const sessionsHere = (all) => listed(all, SESSIONS, "sessions");
export const recordingsHere = (all) => listed(all, RECORDINGS, "recordings");

/** Shows the code that leads a phone to this page, where it is served to other machines. */
export async function showPhoneCode(image, card) {
  if (location.protocol !== "https:") return;
  const svg = await (await request(location.origin, apiKey, "GET", "/join.svg")).text();
  image.src = `data:image/svg+xml;base64,${btoa(svg)}`;
  card.hidden = false;
}

/** A token to join a session with these roles; "" where no key is needed. @returns {Promise<string>} */
export async function joinToken(session, roles) {
  const token = sessionToken(session);
  if (!token) return "";
  const path = `/sessions/${encodeURIComponent(session)}/tokens`;
  const response = await request(location.origin, token, "POST", path, JSON.stringify({ roles }));
  return (await response.json()).token;
}
