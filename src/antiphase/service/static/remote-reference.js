/* Reference microphones of other devices, and this browser as one for others. */

import { apiKey, sessionToken, sessionsHere } from "./access.js";
import { listSessions, request } from "./anc-client.js";

/**
 * Sessions with a reference microphone and without a loudspeaker at an error microphone.
 * @returns {Promise<{session: string, name: string}[]>}
 */
export async function remoteReferences() {
  const found = [];
  for (const { session_id: session, name } of await sessionsHere(() => listSessions(location.origin, apiKey))) {
    const response = await request(location.origin, sessionToken(session), "GET", `/sessions/${encodeURIComponent(session)}`).catch(() => null);
    const devices = (await response?.json())?.devices ?? [];
    const holder = devices.find(({ roles }) => roles.includes("reference"));
    const taken = devices.some(({ roles }) => roles.includes("loudspeaker") && roles.includes("error"));
    if (holder && !taken) found.push({ session, name: `${holder.name || "a device"} in ${name || session}` });
  }
  return found;
}
