// A queue that the live head orders. It follows new fits, and only the images after those in sight change places.

import { newestFit } from "./elements.js";
import { firstInSight, lastInSight } from "./gallery_select.js";

const LOOK_MS = 250; // for a new fit, after a judgement
const REST_MS = 3000; // for a new fit, when no one judges here
const ACTIVE_MS = 20_000;
const LEAST_MS = 600; // between two changes of the order

/** Tell whether the live head orders this queue. */
export function isLive({ data }) {
  return typeof data?.fit === "number";
}

/** Return the digests of the images in sight: Python keeps them, and those before them, in their places. */
export function seenDigests(gallery) {
  if (!isLive(gallery) || !gallery.items.length) return [];
  const { items, focus } = gallery;
  if (gallery.view !== "grid") return [items[focus].digest];
  const shown = items.slice(Math.max(0, firstInSight(gallery) - gallery.columns), nInPlace(gallery));
  return shown.map(({ digest }) => digest);
}

/** Return how many images from the first one on stay where they are: all up to the last in sight. */
export function nInPlace(gallery) {
  const { items, focus, view, columns } = gallery;
  if (!items.length) return 0;
  const last = view === "grid" ? Math.ceil(lastInSight(gallery) / columns) * columns : 0;
  return Math.min(items.length, Math.max(last, focus + 1));
}

/**
 * Merge the images that Python sent into those shown: the first `n` stay as the person has seen them, and the
 * others follow in the new order. What was scrolled into sight since Python was asked stays too.
 */
export function inNewOrder(shown, n, sent) {
  const head = shown.slice(0, n);
  const newest = new Map(sent.map((item) => [item.digest, item]));
  const inPlace = new Set(head.map(({ digest }) => digest));
  const kept = head.map((item) => {
    const found = newest.get(item.digest);
    return found ? { ...found, why: item.why, predicted: item.predicted } : item;
  });
  return [...kept, ...sent.filter(({ digest }) => !inPlace.has(digest))];
}

/** Look for a new fit as long as the queue is shown; then ask Python for the new order. */
export function follow(gallery) {
  if (!isLive(gallery) || gallery.following) return;
  gallery.following = setInterval(() => look(gallery), LOOK_MS);
}

export function stopFollowing(gallery) {
  clearInterval(gallery.following);
  gallery.following = null;
}

async function look(gallery) {
  const now = Date.now();
  const isActive = now - (gallery.times.at(-1) ?? 0) < ACTIVE_MS;
  const isDue = now - (gallery.lookedAt ?? 0) >= (isActive ? LOOK_MS : REST_MS);
  const isSettled = now - (gallery.sortedAt ?? 0) >= LEAST_MS;
  if (!isDue || !isSettled || gallery.isLooking || !gallery.root || !isLive(gallery)) return;
  if (document.visibilityState !== "visible" || gallery.overlay) return;
  gallery.lookedAt = now;
  gallery.isLooking = true;
  try {
    const answer = await fetch(newestFit());
    const { fit } = answer.ok ? await answer.json() : {};
    if (fit > gallery.data.fit && fit !== gallery.askedFor && gallery.root) ask(gallery, fit);
  } catch {
    // The server is away; the outbox says so where something waits to be saved.
  } finally {
    gallery.isLooking = false;
  }
}

function ask(gallery, fit) {
  gallery.askedFor = fit;
  gallery.sortedAt = Date.now();
  gallery.outbox.drop("sort");
  gallery.push({ kind: "sort", digest: "" });
}
