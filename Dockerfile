# The chat over the library in /library; every other command of whichpapers as well. See docs/host.md.
#
#   docker build -t whichpapers .
#   docker run -p 127.0.0.1:7860:7860 -e WHICHPAPERS_PASSWORD=... -v papers:/library whichpapers
#   docker run -v papers:/library -v "$PWD/pages:/pages:ro" whichpapers ingest /pages
#
# In a container the page must be served beyond loopback to be reached at all, so it asks for a password, and does not
# start without one. For torch without CUDA, some gigabytes less, give the address of its wheels for processors:
# docker build --build-arg PIP_EXTRA_INDEX_URL=...
FROM python:3.12-slim
ARG PIP_EXTRA_INDEX_URL
COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src \
    && useradd --uid 1000 --create-home reader && install -d -o reader -g reader /library
USER reader
WORKDIR /home/reader
ENV WHICHPAPERS_LIBRARY=/library
VOLUME /library
EXPOSE 7860
ENTRYPOINT ["whichpapers"]
CMD ["chat", "--host", "0.0.0.0", "--port", "7860"]
