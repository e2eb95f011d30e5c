# One image for dashboard, worker, beat and migration; compose.yaml says which command each runs.

FROM python:3.13-slim AS build
WORKDIR /opt/onward
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 NUMBA_CACHE_DIR=/var/cache/onward
COPY requirements.txt requirements.lock ./
# Without the embedded servers and what only development needs, in the versions of the lock.
RUN python -m venv .venv \
    && sed '/^# Servers of/,$d' requirements.txt > /tmp/requirements.txt \
    && .venv/bin/pip install --requirement /tmp/requirements.txt --constraint requirements.lock
COPY . .
# The funnel kernel is compiled here, and not while somebody waits for a page.
RUN .venv/bin/python -m analytics warm

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/onward --create-home onward
WORKDIR /opt/onward
COPY --from=build /opt/onward /opt/onward
COPY --from=build --chown=onward /var/cache/onward /var/cache/onward
ENV PATH=/opt/onward/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/onward \
    ONWARD_HOME=/var/lib/onward \
    ONWARD_HOST=0.0.0.0 \
    FORWARDED_ALLOW_IPS= \
    ONWARD_LOG=json
USER onward
VOLUME /var/lib/onward
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
