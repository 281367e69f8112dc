// The live demo on the first page: a frame as high as its content. Where the demo cannot run, the README's picture stays.
"use strict";

(() => {
    const live = document.getElementById("demo-live"), picture = document.getElementById("demo-picture");
    const frame = live.querySelector("iframe");
    const show = isLive => {
        live.hidden = !isLive;
        picture.hidden = isLive;
    };
    // From files no browser starts a worker.
    show(location.protocol !== "file:");

    frame.addEventListener("load", () => {
        const page = frame.contentDocument, demo = page?.getElementById("demo");
        if (!demo || !frame.contentWindow.imleDemo) return show(false);
        // Until it runs, a new text in its notice says why it does not.
        const complaint = new MutationObserver(() => show(false));
        complaint.observe(page.getElementById("notice"), { childList: true });
        new ResizeObserver(() => {
            if (demo.hidden) return;
            complaint.disconnect();
            frame.style.height = Math.ceil(page.body.getBoundingClientRect().height) + "px";
        }).observe(page.body);
    });
})();
