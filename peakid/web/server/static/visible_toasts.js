// Show how a job ended only in the tab that is seen.
//
// Every open tab draws the toast. One that was drawn behind another tab would still be there, or be counted
// down, when a person comes back to a tab; the sidebar of each has the same line.
new MutationObserver((changes) => {
  if (!document.hidden) return;
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      const toasts = node.matches?.('[data-testid="stToast"]')
        ? [node]
        : (node.querySelectorAll?.('[data-testid="stToast"]') ?? []);
      for (const toast of toasts) if (toast.querySelector("a[href]")) toast.style.display = "none";
    }
  }
}).observe(document, { childList: true, subtree: true });
