// Load the scripts of other pages once this one is drawn, so that the next page opens without waiting for them.
//
// Loaded is not run: a kind of element that is never drawn costs no time.
{
  const files = []; // LATER_SCRIPTS
  const here = location.href; // The address changes with the page; the scripts are beside the first one.
  const load = () => {
    for (const file of files) {
      const link = document.createElement("link");
      link.rel = "modulepreload";
      link.crossOrigin = "";
      link.href = new URL(file, here).href;
      document.head.append(link);
    }
  };
  const whenDrawn = () => {
    if (document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]"))
      (window.requestIdleCallback ?? setTimeout)(load);
    else setTimeout(whenDrawn, 500);
  };
  if (!navigator.connection?.saveData) addEventListener("load", () => setTimeout(whenDrawn, 1500));
}
